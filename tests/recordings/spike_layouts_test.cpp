#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/recordings/spike_counts.h"
#include "nwb_cases.h"
#include "support/temporary_folder.h"

/// Spikes are read past HDF5 and by several threads where a file allows it: whatever the layout,
/// and however many threads, counts and errors are the same.
namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnits = 75, kOnsets = 40;

/// Times that float32 holds too; two units span several pieces.
std::vector<std::vector<double>> spikes_of_units() {
  std::vector<std::vector<double>> all(kUnits);
  RandomStream random(4);
  for (std::size_t unit = 0; unit < kUnits; ++unit) {
    const auto count = unit == 11 || unit == 60 ? 150'000 : random.below(400);
    for (std::size_t i = 0; i < count; ++i) {
      all[unit].push_back(std::floor(random.unit() * 640) / 32);
    }
    std::sort(all[unit].begin(), all[unit].end());
  }
  return all;
}

std::vector<double> onsets() {
  std::vector<double> all(kOnsets);
  for (std::size_t i = 0; i < kOnsets; ++i) all[i] = 1 + 0.25 * static_cast<double>(i);
  std::reverse(all.begin() + 5, all.end());
  return all;
}

std::vector<std::int32_t> naive(const std::vector<std::vector<double>>& spikes,
                                const std::vector<double>& at, CountWindow window) {
  std::vector<std::int32_t> counts;
  for (const double onset : at) {
    for (const auto& unit : spikes) {
      counts.push_back(
          static_cast<std::int32_t>(std::count_if(unit.begin(), unit.end(), [&](double spike) {
            return spike >= onset + window.from && spike < onset + window.to;
          })));
    }
  }
  return counts;
}

std::vector<double> joined(const std::vector<std::vector<double>>& spikes) {
  std::vector<double> all;
  for (const auto& unit : spikes) all.insert(all.end(), unit.begin(), unit.end());
  return all;
}

/// As write_nwb lays them out, in chunks.
void write(const fs::path& path, const std::vector<std::vector<double>>& spikes) {
  auto session = small_session();
  session.units.assign(spikes.size(), session.units.front());
  for (std::size_t i = 0; i < spikes.size(); ++i) {
    session.units[i].id = static_cast<std::int64_t>(i);
  }
  write_nwb(path, session, [&](std::size_t unit) { return spikes[unit]; });
}

std::vector<std::size_t> all_rows() {
  std::vector<std::size_t> rows(kUnits);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

void expect_counts(const fs::path& path, const std::vector<std::vector<double>>& spikes,
                   bool concurrent) {
  const NwbFile file(path);
  EXPECT_EQ(file.concurrent(), concurrent);
  for (const auto& window : {CountWindow{0.05, 0.3}, CountWindow{-0.5, 2}, CountWindow{0, 1e-9},
                             CountWindow{0, 0.25}, CountWindow{-50, -40}}) {
    const auto expected = naive(spikes, onsets(), window);
    for (const std::size_t threads : {0, 1, 2, 7}) {
      EXPECT_EQ(count_spikes(file, all_rows(), onsets(), window, threads), expected);
    }
  }
}

TEST(SpikeLayouts, CountsAreTheSame) {
  const TemporaryFolder folder;
  const auto spikes = spikes_of_units();
  const auto path = folder / "a.nwb";
  const auto put_spikes = [&](const Stored& stored) {
    put(path, "/units/spike_times", stored, H5T_NATIVE_DOUBLE, joined(spikes));
  };
  write(path, spikes);
  expect_counts(path, spikes, true);
  put_spikes({H5T_IEEE_F64LE});
  expect_counts(path, spikes, true);
  put_spikes({H5T_IEEE_F64LE, 1000});
  expect_counts(path, spikes, true);
  put_spikes({H5T_IEEE_F64LE, 50});  // too many to look up
  expect_counts(path, spikes, false);
  put_spikes({H5T_IEEE_F64LE, 10'000, true});
  expect_counts(path, spikes, false);
  put_spikes({H5T_IEEE_F64BE});
  expect_counts(path, spikes, false);
  put_spikes({H5T_IEEE_F32LE});
  expect_counts(path, spikes, false);
}

std::string complaint(const NwbFile& file, std::size_t threads) {
  try {
    count_spikes(file, all_rows(), onsets(), {0, 0.25}, threads);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// With several units damaged, all threads say what one says.
TEST(SpikeLayouts, ErrorsAreTheSame) {
  const TemporaryFolder folder;
  const auto path = folder / "a.nwb";
  RandomStream random(6);
  for (int round = 0; round < 12; ++round) {
    auto spikes = spikes_of_units();
    write(path, spikes);
    auto all = joined(spikes);
    for (const double wrong : {std::nan(""), HUGE_VAL, -HUGE_VAL, -1.0}) {
      all[random.below(all.size())] = wrong;
    }
    put(path, "/units/spike_times", {H5T_IEEE_F64LE, 10'000, true}, H5T_NATIVE_DOUBLE, all);
    const auto expected = complaint(NwbFile(path), 1);
    EXPECT_NE(expected.find("a.nwb: /units/spike_times: expected seconds that rise"),
              std::string::npos)
        << expected;
    put(path, "/units/spike_times", {H5T_IEEE_F64LE}, H5T_NATIVE_DOUBLE, all);
    const NwbFile file(path);
    EXPECT_TRUE(file.concurrent());
    for (const std::size_t threads : {1, 2, 5}) EXPECT_EQ(complaint(file, threads), expected);
  }
}

/// A file that others make shorter while it is open.
TEST(SpikeLayouts, FilesThatShrink) {
  const TemporaryFolder folder;
  const auto path = folder / "a.nwb";
  const auto spikes = spikes_of_units();
  write(path, spikes);
  put_numbers(path, "/units/spike_times", joined(spikes));
  const NwbFile file(path);
  ASSERT_EQ(complaint(file, 2), "");
  fs::resize_file(path, fs::file_size(path) / 2);
  for (const std::size_t threads : {1, 2}) {
    const auto line = complaint(file, threads);
    EXPECT_NE(line.find("a.nwb: /units/spike_times: expected numbers, got the end of the file"),
              std::string::npos)
        << line;
  }
}

}  // namespace
}  // namespace neurosplat::testing
