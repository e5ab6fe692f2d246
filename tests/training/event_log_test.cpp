#include "training/event_log.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The fields of a protobuf message by number, each as its bytes; numbers as little endian ones.
std::multimap<std::uint64_t, std::string> fields_of(std::string_view message) {
  std::multimap<std::uint64_t, std::string> fields;
  const auto varint = [&] {
    std::uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(message.at(0));
      message.remove_prefix(1);
      number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return number;
    }
  };
  while (!message.empty()) {
    const auto key = varint();
    std::uint64_t size = key % 8 == 1 ? 8 : key % 8 == 5 ? 4 : 0;
    if (key % 8 == 0) {
      const auto number = varint();
      fields.emplace(key / 8, std::string(reinterpret_cast<const char*>(&number), sizeof number));
      continue;
    }
    if (key % 8 == 2) size = varint();
    fields.emplace(key / 8, std::string(message.substr(0, size)));
    message.remove_prefix(size);
  }
  return fields;
}

template <class Number>
Number as(const std::string& bytes) {
  Number number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::string one(const std::multimap<std::uint64_t, std::string>& fields, std::uint64_t number) {
  const auto found = fields.find(number);
  return found == fields.end() ? std::string(8, '\0') : found->second;
}

struct Seen {
  std::map<std::string, std::vector<std::pair<std::int64_t, float>>> scalars;
  std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>> pictures;
  std::vector<std::int64_t> restarts;
};

Seen seen_in(const fs::path& folder) {
  Seen seen;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_event_file(entry.path().filename().string())) continue;
    const auto bytes = bytes_of(entry.path());
    for (std::size_t at = 0; at < bytes.size();) {
      const auto length = as<std::uint64_t>(bytes.substr(at, 8));
      const auto event = fields_of(std::string_view(bytes).substr(at + 12, length));
      at += 16 + length;
      const auto step = as<std::int64_t>(one(event, 2));
      if (event.contains(7)) seen.restarts.push_back(step);
      if (!event.contains(5)) continue;
      const auto summary = fields_of(event.find(5)->second);
      for (const auto& [number, bytes_of_value] : summary) {
        const auto value = fields_of(bytes_of_value);
        const auto tag = value.find(1)->second;
        if (value.contains(2)) seen.scalars[tag].emplace_back(step, as<float>(one(value, 2)));
        if (value.contains(4)) {
          seen.pictures[tag].emplace_back(step, one(fields_of(value.find(4)->second), 4));
        }
      }
    }
  }
  return seen;
}

TEST(EventLog, SaysEveryNumberOnceByItsKind) {
  const TemporaryFolder folder;
  EventLog log(folder.path(), 40);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  log.add(50, {{"loss", 9}, {"beta", 0.25}},
          {{"epoch", 5},
           {"step", 50},
           {"loss", 0.5},
           {"held_out_psnr_db", 20.5},
           {"test_error", nan},
           {"seconds_data", 1.5},
           {"images_per_second", 70},
           {"note", "words"},
           {"list", {1, 2}}});
  const auto seen = seen_in(folder.path());
  EXPECT_EQ(seen.restarts, (std::vector<std::int64_t>{41}));
  std::map<std::string, float> values;
  for (const auto& [tag, points] : seen.scalars) {
    ASSERT_EQ(points.size(), 1U) << tag;
    EXPECT_EQ(points[0].first, 50) << tag;
    values[tag] = points[0].second;
  }
  ASSERT_TRUE(values.contains("held_out/test_error"));
  EXPECT_TRUE(std::isnan(values["held_out/test_error"]));
  values.erase("held_out/test_error");
  EXPECT_EQ(values, (std::map<std::string, float>{{"train/epoch", 5.0F},
                                                  {"train/loss", 0.5F},
                                                  {"train/beta", 0.25F},
                                                  {"held_out/held_out_psnr_db", 20.5F},
                                                  {"time/seconds_data", 1.5F},
                                                  {"time/images_per_second", 70.0F}}));
}

TEST(EventLog, HoldsTheSheetsOfTheEpochAsTheyAre) {
  const TemporaryFolder folder;
  for (const char* name :
       {"sample_012.png", "recon_012.png", "sample_011.png", "curves.png", ".x_012.png"}) {
    write_png(folder / name, at::rand({3, 4, 6}));
  }
  EventLog log(folder.path(), 0);
  log.add_sheets(120, 12);
  const auto seen = seen_in(folder.path());
  ASSERT_EQ(seen.pictures.size(), 2U);
  for (const char* name : {"sample", "recon"}) {
    const auto& points = seen.pictures.at(std::string("pictures/") + name);
    ASSERT_EQ(points.size(), 1U);
    EXPECT_EQ(points[0].first, 120);
    EXPECT_EQ(points[0].second, bytes_of(folder / (std::string(name) + "_012.png")));
  }
}

}  // namespace
}  // namespace neurosplat
