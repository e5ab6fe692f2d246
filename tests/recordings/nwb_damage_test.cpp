#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/recordings/nwb.h"
#include "nwb_cases.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;
using Damage = std::function<void(const fs::path&)>;

/// What reading everything says; empty where it reads.
std::string complaint(const fs::path& path) {
  try {
    const NwbFile file(path);
    file.presentations("natural_scenes");
    for (std::size_t unit = 0; unit < file.units().size(); ++unit) file.spike_times(unit);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// One line with the file's name and these words.
void expect_refused(const Damage& damage, const std::vector<std::string>& words) {
  const TemporaryFolder folder;
  const auto path = write_small(folder / "damaged.nwb");
  ASSERT_EQ(complaint(path), "");
  damage(path);
  const auto line = complaint(path);
  EXPECT_NE(line.find("damaged.nwb: "), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  for (const auto& word : words) EXPECT_NE(line.find(word), std::string::npos) << line;
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(NwbDamage, FilesThatAreNone) {
  expect_refused([](const auto& path) { fs::remove(path); }, {"HDF5"});
  expect_refused([](const auto& path) { write_bytes(path, ""); }, {"HDF5"});
  expect_refused([](const auto& path) { write_bytes(path, "GIF89a" + std::string(5000, 'x')); },
                 {"HDF5"});
  for (const double share : {0.01, 0.3, 0.9, 0.999}) {
    expect_refused(
        [&](const auto& path) {
          const auto size = static_cast<double>(fs::file_size(path));
          fs::resize_file(path, static_cast<std::uintmax_t>(share * size));
        },
        {"truncated"});
  }
}

TEST(NwbDamage, MissingParts) {
  for (const char* object :
       {"/units/id", "/units/spike_times", "/units/spike_times_index", "/identifier", "/units",
        "/intervals/natural_scenes_presentations/frame",
        "/intervals/natural_scenes_presentations/start_time",
        "/intervals/natural_scenes_presentations/stop_time"}) {
    expect_refused([&](const auto& path) { remove_object(path, object); }, {object, "expected"});
  }
  expect_refused(
      [](const auto& path) { remove_object(path, "/intervals/natural_scenes_presentations"); },
      {"spontaneous_presentations"});
  expect_refused(
      [](const auto& path) {
        const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
        H5Adelete(file, "nwb_version");
        H5Fclose(file);
      },
      {"nwb_version"});
}

void expect_index_refused(const std::vector<std::int64_t>& ends, const char* word) {
  expect_refused(
      [&](const auto& path) {
        put(path, "/units/spike_times_index", {H5T_STD_I64LE}, H5T_NATIVE_INT64, ends);
      },
      {"/units/spike_times_index", word});
}

TEST(NwbDamage, Indices) {
  expect_index_refused({5, 4, 11, 12}, "fall");
  expect_index_refused({-1, 5, 11, 12}, "fall");
  expect_index_refused({5, 5, 11, 13}, "up to 12");
  expect_index_refused({5, 5, 11}, "4 rows");
  expect_refused(
      [](const auto& path) {
        put(path, "/units/spike_times_index", {H5T_STD_U64LE}, H5T_NATIVE_UINT64,
            std::vector<std::uint64_t>{5, 5, 11, ~std::uint64_t{0}});
      },
      {"/units/spike_times_index", "up to 12"});
  expect_refused(
      [](const auto& path) {
        put_numbers(path, "/units/spike_times_index", {5, 5.5, 11, 12});
      },
      {"/units/spike_times_index", "whole"});
}

void expect_spikes_refused(std::size_t place, double value) {
  expect_refused(
      [&](const auto& path) {
        std::vector<double> all;
        for (const auto& unit : kSmallSpikes) all.insert(all.end(), unit.begin(), unit.end());
        all[place] = value;
        put_numbers(path, "/units/spike_times", all);
      },
      {"/units/spike_times", "expected seconds"});
}

TEST(NwbDamage, SpikesThatAreNone) {
  const double infinite = std::numeric_limits<double>::infinity();
  for (const std::size_t place : {0, 2, 4, 11}) expect_spikes_refused(place, std::nan(""));
  expect_spikes_refused(4, infinite);
  expect_spikes_refused(0, -infinite);
  expect_spikes_refused(1, 0.05);
  expect_spikes_refused(9, 0.05);
  expect_spikes_refused(3, 3.0);
}

/// A fall from one piece of a read to the next, within the last unit.
TEST(NwbDamage, FallsBetweenPieces) {
  constexpr std::size_t kPiece = 1U << 17U;
  expect_refused(
      [&](const auto& path) {
        std::vector<double> all(kPiece + 1, 3);
        all.back() = 2.5;
        put_numbers(path, "/units/spike_times", all);
        put(path, "/units/spike_times_index", {H5T_STD_I64LE}, H5T_NATIVE_INT,
            std::vector<int>{0, 0, 0, static_cast<int>(all.size())});
      },
      {"/units/spike_times", "got 2.5 after 3"});
}

TEST(NwbDamage, Types) {
  for (const char* dataset :
       {"/units/spike_times", "/units/spike_times_index", "/units/id", "/units/snr",
        "/units/peak_channel_id", "/intervals/natural_scenes_presentations/start_time",
        "/intervals/natural_scenes_presentations/frame"}) {
    expect_refused(
        [&](const auto& path) {
          const auto rows = std::strcmp(dataset, "/units/spike_times") == 0 ? 12U : 4U;
          put_fixed_texts(path, dataset, std::vector<std::string>(rows, "1"), 4);
        },
        {dataset, "numbers"});
  }
  expect_refused(
      [](const auto& path) {
        put_numbers(path, "/units/quality", {1, 1, 1, 1});
      },
      {"/units/quality", "texts"});
  expect_refused(
      [](const auto& path) {
        put(path, "/units/peak_channel_id", {H5T_STD_I64LE}, H5T_NATIVE_INT,
            std::vector<int>{100, 100, 5, 7});
      },
      {"/units/peak_channel_id", "got 5"});
  expect_refused(
      [](const auto& path) {
        put_numbers(path, "/units/snr", {1, 2, 3});
      },
      {"/units/snr", "4 rows"});
}

/// Sizes that the file does not hold are refused before anything of that size is allocated.
TEST(NwbDamage, InventedSizes) {
  for (const char* dataset : {"/units/spike_times", "/units/id", "/units/spike_times_index",
                              "/units/snr", "/intervals/natural_scenes_presentations/start_time"}) {
    expect_refused(
        [&](const auto& path) {
          put(path, dataset, {H5T_IEEE_F64LE, 1024, false, hsize_t{1} << 50U}, H5T_NATIVE_DOUBLE,
              std::vector<double>{});
        },
        {dataset, "declared"});
  }
  expect_refused(
      [](const auto& path) {
        put(path, "/units/spike_times", {H5T_IEEE_F64LE, hsize_t{1} << 28U, false, 1U << 29U},
            H5T_NATIVE_DOUBLE, std::vector<double>{});
      },
      {"/units/spike_times", "chunks"});
}

void expect_times_refused(const std::vector<double>& start, const std::vector<double>& stop,
                          const char* word) {
  expect_refused(
      [&](const auto& path) {
        put_numbers(path, "/intervals/natural_scenes_presentations/start_time", start);
        put_numbers(path, "/intervals/natural_scenes_presentations/stop_time", stop);
      },
      {"/intervals/natural_scenes_presentations/", word});
}

TEST(NwbDamage, Presentations) {
  expect_times_refused({1, 1.2, 1.5}, {1.25, 1.5, 1.75}, "one after the other");
  expect_times_refused({1, 1.25, 1.1}, {1.25, 1.5, 1.2}, "one after the other");
  expect_times_refused({1, std::nan(""), 1.5}, {1.25, 1.5, 1.75}, "expected seconds");
  expect_times_refused({1, 1.25, 1.5}, {1.25, std::nan(""), 1.75}, "expected a stop");
  expect_times_refused({1, 1.25, 1.5}, {0.9, 1.5, 1.75}, "expected a stop");
  expect_times_refused({1, 1.25, 1.5}, {1.25, 1.5}, "3 rows");
  for (const auto& frames : {std::vector<double>{0, 1.5, 2}, {0, -2, 1}, {0, std::nan(""), 1}}) {
    expect_refused(
        [&](const auto& path) {
          put_numbers(path, "/intervals/natural_scenes_presentations/frame", frames);
        },
        {"/intervals/natural_scenes_presentations/frame"});
  }
  // In another order they are put in order; a jitter of clocks is none.
  const TemporaryFolder folder;
  const auto path = write_small(folder / "a.nwb");
  put_numbers(path, "/intervals/natural_scenes_presentations/start_time", {1.5, 1, 1.25});
  put_numbers(path, "/intervals/natural_scenes_presentations/stop_time", {1.75, 1.25001, 1.5});
  EXPECT_EQ(NwbFile(path).presentations("natural_scenes").picture,
            (std::vector<std::int64_t>{-1, 0, 2}));
}

TEST(NwbDamage, LinksToOtherFiles) {
  expect_refused(
      [](const auto& path) {
        const auto other = write_small(path.parent_path() / "other.nwb");
        const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
        H5Ldelete(file, "/units/spike_times", H5P_DEFAULT);
        H5Lcreate_external(other.c_str(), "/units/spike_times", file, "/units/spike_times",
                           H5P_DEFAULT, H5P_DEFAULT);
        H5Fclose(file);
      },
      {"/units/spike_times", "no such dataset"});
}

/// Whatever else is changed is read or refused with one line.
TEST(NwbDamage, ChangedBytes) {
  const TemporaryFolder folder;
  const auto whole = bytes_of(write_small(folder / "a.nwb"));
  const auto path = folder / "b.nwb";
  RandomStream random(5);
  int refused = 0;
  for (int i = 0; i < 600; ++i) {
    auto bytes = whole;
    std::size_t at = 0;
    do {  // most of the file is room for more spikes
      at = random.below(bytes.size() - 8);
    } while (bytes[at] == 0);
    const std::uint64_t word = i % 3 == 0   ? ~std::uint64_t{0}
                               : i % 3 == 1 ? random.below(70'000)
                                            : random.next();
    std::memcpy(bytes.data() + at, &word, i % 2 == 0 ? 1 : 4);
    write_bytes(path, bytes);
    const auto line = complaint(path);
    refused += line.empty() ? 0 : 1;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  EXPECT_GT(refused, 40);
}

}  // namespace
}  // namespace neurosplat::testing
