#include "neurosplat/io/event_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "io/crc32c.h"
#include "io/one_line.h"
#include "neurosplat/io/picture_bytes.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;
using testing::TemporaryFolder;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Number>
Number number_at(const std::string& bytes, std::size_t offset) {
  Number number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

// RFC 3720, appendix B.4; the bytes of each CRC are given there from the lowest on.
TEST(Crc32c, IsThatOfTheRfc) {
  std::string up(32, '\0'), down(32, '\0');
  for (int i = 0; i < 32; ++i) {
    up[static_cast<std::size_t>(i)] = static_cast<char>(i);
    down[static_cast<std::size_t>(i)] = static_cast<char>(31 - i);
  }
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(up), 0x46dd794eU);
  EXPECT_EQ(crc32c(down), 0x113fdb5cU);
  const unsigned char read_command[48] = {
      0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
      0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(crc32c({reinterpret_cast<const char*>(read_command), sizeof read_command}),
            0xd9963a56U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(EventFile, IsWholeRecordsFromTheFirstOn) {
  const TemporaryFolder folder;
  EventFile file(folder.path());
  for (std::int64_t step = 1; step <= 3; ++step) {
    file.add(step, {{"loss", 1.0 / static_cast<double>(step)}});
    // Read while it is being written, as a killed process leaves it.
    const auto bytes = bytes_of(file.path());
    std::size_t at = 0;
    std::int64_t records = 0;
    for (; at < bytes.size(); ++records) {
      ASSERT_LE(at + 16, bytes.size());
      const auto length = number_at<std::uint64_t>(bytes, at);
      ASSERT_LE(at + 16 + length, bytes.size());
      EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 8), masked(crc32c(bytes.substr(at, 8))));
      EXPECT_EQ(number_at<std::uint32_t>(bytes, at + 12 + length),
                masked(crc32c(bytes.substr(at + 12, length))));
      at += 16 + length;
    }
    EXPECT_EQ(records, step + 1);
  }
}

TEST(EventFile, ComesAfterThoseOfTheFolder) {
  const TemporaryFolder folder;
  std::ofstream(folder / "events.out.tfevents.4000000000.elsewhere.7.neurosplat") << "";
  std::ofstream(folder / "events.out.tfevents.9000000000.elsewhere.7") << "another program's";
  const EventFile first(folder.path());
  const EventFile second(folder.path());
  EXPECT_TRUE(first.path().filename().string().starts_with("events.out.tfevents.4000000001."));
  EXPECT_TRUE(second.path().filename().string().starts_with("events.out.tfevents.4000000002."));
  EXPECT_TRUE(is_event_file(first.path().filename().string()));
  for (const char* other :
       {"events.out.tfevents.9000000000.elsewhere.7", "metrics.jsonl",
        "events.out.tfevents.neurosplat", "x.events.out.tfevents.1.a.neurosplat"}) {
    EXPECT_FALSE(is_event_file(other)) << other;
  }
}

TEST(EventFile, SaysWhereItCannotBeWrittenAndWhatIsNoPicture) {
  const TemporaryFolder folder;
  const auto missing = one_line_error([&] { const EventFile file(folder / "missing"); });
  EXPECT_NE(missing.find((folder / "missing").string()), std::string::npos) << missing;
  EXPECT_NE(missing.find("No such file"), std::string::npos) << missing;
  EventFile file(folder.path());
  const auto before = bytes_of(file.path());
  EXPECT_NE(one_line_error([&] { file.add_picture(1, "sample", "no picture"); }), "");
  EXPECT_EQ(bytes_of(file.path()), before);
}

constexpr const char* kReader = R"(
import json, sys
from tensorboard.backend.event_processing import event_accumulator
events = event_accumulator.EventAccumulator(sys.argv[1], size_guidance=dict(scalars=0, images=0))
events.Reload()
tags = events.Tags()
scalars = {tag: [(e.step, repr(e.value)) for e in events.Scalars(tag)] for tag in tags['scalars']}
images = {tag: [(e.step, e.width, e.height, e.encoded_image_string.hex()) for e in events.Images(tag)]
          for tag in tags['images']}
print(json.dumps(dict(scalars=scalars, images=images), sort_keys=True, indent=0))
)";

std::string hex(const std::string& bytes) {
  std::string digits;
  for (const char byte : bytes) {
    for (const int part : {(byte >> 4) & 15, byte & 15}) digits += "0123456789abcdef"[part];
  }
  return digits;
}

TEST(EventFile, IsReadByTensorBoard) {
  const auto python = testing::python_with("tensorboard");
  if (!python) GTEST_SKIP() << "SKIPPED: no Python with tensorboard; set NEUROSPLAT_PYTHON";
  const TemporaryFolder folder;
  const auto picture = encode_png(at::arange(3 * 5 * 7).view({3, 5, 7}).to(at::kFloat) / 105);
  {
    EventFile file(folder.path());
    file.add(4, {{"train/loss", 0.5}, {"held_out/Größe", -3e-9}});
    file.add(300, {{"train/loss", 0.25}, {"train/odd", std::numeric_limits<double>::quiet_NaN()}});
    file.add_picture(300, "pictures/sample", picture);
    file.add(5'000'000'000, {{"train/loss", 0.125}});
  }
  {
    EventFile resumed(folder.path());  // from a checkpoint of step 299
    resumed.restart_at(300);
    resumed.add(300, {{"train/loss", 7.0}});
    resumed.add(400, {{"train/loss", 8.0}});
    std::ofstream(resumed.path(), std::ios::app | std::ios::binary) << "half a rec";
  }
  const auto read = testing::run_command({*python, "-c", kReader, folder.path().string()});
  ASSERT_EQ(read.status, 0) << read.errors;
  std::string found = read.output;
  std::erase(found, '\n');
  const auto expected = [&](const std::string& part) {
    EXPECT_NE(found.find(part), std::string::npos) << part << " in " << found;
  };
  expected(R"("train/loss": [[4,"0.5"],[300,"7.0"],[400,"8.0"]])");
  expected(R"("held_out/Gr\u00f6\u00dfe": [[4,"-3.000000026176508e-09"]])");
  EXPECT_EQ(found.find("0.125"), std::string::npos) << "of the process that was killed: " << found;
  EXPECT_EQ(found.find("nan"), std::string::npos) << found;
}

TEST(EventFile, GivesTensorBoardItsPictures) {
  const auto python = testing::python_with("tensorboard");
  if (!python) GTEST_SKIP() << "SKIPPED: no Python with tensorboard; set NEUROSPLAT_PYTHON";
  const TemporaryFolder folder;
  const auto picture = encode_png(at::arange(3 * 5 * 7).view({3, 5, 7}).to(at::kFloat) / 105);
  EventFile file(folder.path());
  file.add_picture(17, "pictures/sample", picture);
  file.add(18, {{"odd", std::numeric_limits<double>::quiet_NaN()}});
  const auto read = testing::run_command({*python, "-c", kReader, folder.path().string()});
  ASSERT_EQ(read.status, 0) << read.errors;
  std::string found = read.output;
  std::erase(found, '\n');
  EXPECT_NE(found.find(R"("pictures/sample": [[17,7,5,")" + hex(picture) + "\"]]"),
            std::string::npos)
      << found;
  EXPECT_NE(found.find(R"("odd": [[18,"nan"]])"), std::string::npos) << found;
}

}  // namespace
}  // namespace neurosplat
