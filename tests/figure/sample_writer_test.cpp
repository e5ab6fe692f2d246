#include "neurosplat/figure/sample_writer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "neurosplat/io/image_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// Pictures of one grey each, in steps of a tenth.
at::Tensor greys(std::int64_t first, std::int64_t count) {
  return (at::arange(first, first + count, at::kFloat) / 10)
      .view({count, 1, 1, 1})
      .expand({count, 3, 4, 4});
}

double grey_of(const fs::path& file) {
  return read_picture(file).to(at::kDouble).mean().item<double>() / 255;
}

std::int64_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(SampleWriter, TakesAnEndingForASheet) {
  EXPECT_TRUE(is_sheet("samples.png"));
  EXPECT_TRUE(is_sheet("some/folder.d/samples.png"));
  EXPECT_FALSE(is_sheet("samples"));
  EXPECT_FALSE(is_sheet("folder.png/samples"));
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "notes.txt") << "no folder";
  EXPECT_TRUE(is_sheet(folder / "notes.txt"));
  EXPECT_FALSE(is_sheet(folder.path()));
}

TEST(SampleWriter, WritesPicturesIntoAFolderInTheirOrder) {
  const testing::TemporaryFolder folder;
  const auto out = folder / "made" / "here";
  SampleWriter writer(out, std::nullopt);
  writer.add(greys(0, 3));
  writer.add(greys(3, 2));
  writer.finish();
  EXPECT_EQ(files_in(out), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(grey_of(out / ("sample_0000" + std::to_string(i) + ".png")), i / 10.0, 0.5 / 255);
  }
}

TEST(SampleWriter, TakesThePlaceOfSamplesAlone) {
  const testing::TemporaryFolder folder;
  const auto out = folder / "samples";
  SampleWriter before(out, std::nullopt);
  before.add(greys(0, 4));
  std::ofstream(out / "notes.txt") << "kept";
  SampleWriter writer(out, std::nullopt);
  EXPECT_EQ(files_in(out), 5);  // nothing is lost before something comes
  writer.add(greys(7, 1));
  EXPECT_EQ(files_in(out), 2);
  EXPECT_TRUE(fs::exists(out / "notes.txt"));
  EXPECT_NEAR(grey_of(out / "sample_00000.png"), 0.7, 0.5 / 255);
}

TEST(SampleWriter, WritesASheet) {
  const testing::TemporaryFolder folder;
  const auto out = folder / "samples.png";
  SampleWriter writer(out, SheetSize{2, 2, 4});
  writer.add(greys(0, 2));
  EXPECT_FALSE(fs::exists(out));
  writer.finish();
  PictureSheet sheet({2, 2, 4});
  sheet.add(greys(0, 2));
  sheet.write(folder / "expected.png");
  EXPECT_TRUE(read_picture(out).equal(read_picture(folder / "expected.png")));
}

}  // namespace
}  // namespace neurosplat
