#include "neurosplat/io/frame_sink.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/one_line.h"
#include "io/test_pictures.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::drifting_picture;
using testing::one_line_error;
using testing::TemporaryFolder;

std::int64_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(FrameSink, AVideoIsThereWhenItIsClosedAndNotBefore) {
  const TemporaryFolder folder;
  const auto path = folder / "out.mp4";
  const auto sink = open_frame_sink(path, 29.97);
  for (int i = 0; i < 4; ++i) sink->write(drifting_picture(32, 96, i));
  EXPECT_FALSE(fs::exists(path));
  sink->close();
  sink->close();
  EXPECT_EQ(entries(folder.path()), 1);
  const auto source = open_frame_source(path.string());
  EXPECT_NEAR(source->frames_per_second(), 29.97, 1e-6);
  EXPECT_EQ(source->next()->picture.sizes(), at::IntArrayRef({3, 32, 96}));
  int frames = 1;
  while (source->next()) ++frames;
  EXPECT_EQ(frames, 4);
  EXPECT_THROW(sink->write(drifting_picture(32, 96, 0)), Error);
}

TEST(FrameSink, ADroppedVideoLeavesNothing) {
  const TemporaryFolder folder;
  {
    const auto sink = open_frame_sink(folder / "out.mp4", 25.0);
    sink->write(drifting_picture(32, 32, 0));
    EXPECT_EQ(entries(folder.path()), 1);
  }
  open_frame_sink(folder / "none.mp4", 25.0)->close();
  EXPECT_EQ(entries(folder.path()), 0);
}

TEST(FrameSink, ReplacesAVideoOnlyWhenTheNewOneIsWhole) {
  const TemporaryFolder folder;
  const auto path = folder / "out.mp4";
  std::ofstream(path) << "old";
  open_frame_sink(path, 25.0)->write(drifting_picture(32, 32, 0));
  EXPECT_EQ(fs::file_size(path), 3U);
  const auto sink = open_frame_sink(path, 25.0);
  sink->write(drifting_picture(32, 32, 0));
  sink->close();
  EXPECT_GT(fs::file_size(path), 100U);
}

// Rates that MPEG-4's clock cannot count as they are.
TEST(FrameSink, TakesOddRates) {
  const TemporaryFolder folder;
  for (const double rate : {0.0, 7.4925, 119.8813, 240.0, 1e9}) {
    const auto sink = open_frame_sink(folder / "out.mp4", rate);
    sink->write(drifting_picture(32, 32, 0));
    EXPECT_NO_THROW(sink->close()) << rate;
  }
}

TEST(FrameSink, WritesPngFilesIntoAFolder) {
  const TemporaryFolder folder;
  const auto path = folder / "panels";
  const auto sink = open_frame_sink(path, 25.0);
  for (int i = 0; i < 3; ++i) sink->write(drifting_picture(9, 11, i));
  sink->close();
  EXPECT_EQ(entries(path), 3);
  EXPECT_TRUE(read_picture(path / "frame_000003.png")
                  .equal((255.0 * drifting_picture(9, 11, 2)).round().to(at::kByte)));
  const auto message = one_line_error([&] { open_frame_sink(path, 25.0); });
  EXPECT_NE(message.find("frame_000001.png"), std::string::npos) << message;
}

TEST(FrameSink, RefusesWhatItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_THROW(open_frame_sink(folder / "out.avi", 25.0), UsageError);
  EXPECT_THROW(open_frame_sink("", 25.0), UsageError);
  const auto no_folder =
      one_line_error([&] { open_frame_sink(folder / "absent" / "out.mp4", 25.0); });
  EXPECT_NE(no_folder.find("out.mp4"), std::string::npos) << no_folder;
  const auto sink = open_frame_sink(folder / "out.mp4", 25.0);
  one_line_error([&] { sink->write(drifting_picture(31, 32, 0)); });
  one_line_error([&] { sink->write(at::zeros({3, 32, 32}, at::kByte)); });
  sink->write(drifting_picture(32, 32, 0));
  one_line_error([&] { sink->write(drifting_picture(32, 34, 0)); });
  const auto wide = open_frame_sink(folder / "wide.mp4", 25.0);
  one_line_error([&] { wide->write(at::zeros({3, 2, 16384})); });
}

/// While it lives, no file grows beyond `bytes`: writing fails, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(FrameSink, AFullDiskIsNoticed) {
  const TemporaryFolder folder;
  const auto path = folder / "out.mp4";
  const auto message = one_line_error([&] {
    const FileSizeLimit limit(20000);
    const auto sink = open_frame_sink(path, 25.0);
    for (int i = 0; i < 100; ++i) sink->write(at::rand({3, 64, 64}));
    sink->close();
  });
  EXPECT_NE(message.find("out.mp4"), std::string::npos) << message;
  EXPECT_NE(message.find("room"), std::string::npos) << message;
  EXPECT_EQ(entries(folder.path()), 0);
}

}  // namespace
}  // namespace neurosplat
