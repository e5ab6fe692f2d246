#include "neurosplat/evaluation/reconstruction_scores.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 16;

/// Grey pictures of one level each; those of `broken` cannot be read.
class LevelSource : public PictureSource {
 public:
  LevelSource(std::vector<int> levels, std::int64_t broken = -1)
      : levels_(std::move(levels)), broken_(broken) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(levels_.size()); }
  std::string name(std::int64_t index) const override {
    return "picture, " + std::to_string(index);
  }
  void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const override {
    if (index == broken_) throw Error("broken");
    const auto level = static_cast<std::uint8_t>(levels_[static_cast<std::size_t>(index)]);
    std::fill(planes, planes + 3 * side * side, level);
  }

 private:
  std::vector<int> levels_;
  std::int64_t broken_;
};

double psnr_of_difference(double difference) {
  return -20 * std::log10(difference);
}

/// Gives back grey for whatever it sees, a darker one as a sample.
PictureCoder grey_coder() {
  return {.side = kSide,
          .components = 3,
          .reconstruct = [](const at::Tensor& pictures) { return at::full_like(pictures, 0.5); },
          .reconstruct_sample = [](const at::Tensor& pictures,
                                   const at::Generator&) { return at::full_like(pictures, 0.25); }};
}

// Against the mean of training levels 100 and 200, the picture of level 140 is off by 10 / 255 and
// the one of level 160 too; a single principal component explains both.
TEST(Reconstruction, FloorsAreThoseOfTheTrainingPictures) {
  const auto scores = evaluate_reconstruction(
      grey_coder(), {.pictures = std::make_shared<LevelSource>(std::vector{140, 160}),
                     .floor_pictures = std::make_shared<LevelSource>(std::vector{100, 200})});
  ASSERT_TRUE(scores.floors.has_value());
  EXPECT_EQ(scores.floors->pictures, 2);
  EXPECT_EQ(scores.floors->components, 1);
  EXPECT_NEAR(scores.floors->mean_image_psnr_mean_db, psnr_of_difference(10.0 / 255), 1e-3);
  EXPECT_EQ(scores.floors->pca_psnr_mean_db, kLargestPsnrDb);
}

// Pictures are the same when their identity is, which LevelSource leaves to their names.
TEST(Reconstruction, CountsThePicturesThatItsFloorsHaveSeen) {
  const auto scores = evaluate_reconstruction(
      grey_coder(), {.pictures = std::make_shared<LevelSource>(std::vector{1, 2, 3, 4}),
                     .floor_pictures = std::make_shared<LevelSource>(std::vector{1, 2, 3})});
  EXPECT_EQ(scores.floors->measured, 3);
  const auto fewer = evaluate_reconstruction(
      grey_coder(), {.pictures = std::make_shared<LevelSource>(std::vector{1, 2, 3, 4}),
                     .floor_pictures = std::make_shared<LevelSource>(std::vector{1, 2, 3}),
                     .floor_limit = 2});
  EXPECT_EQ(fewer.floors->measured, 2);
}

// Every picture comes back grey, so the PSNR to a level follows from the level alone.
TEST(Reconstruction, ScoresKeepTheNamesOfTheirPictures) {
  std::vector<int> levels(150);
  std::iota(levels.begin(), levels.end(), 0);
  const auto scores = evaluate_reconstruction(
      grey_coder(), {.pictures = std::make_shared<LevelSource>(levels, 70), .batch = 32});
  ASSERT_EQ(scores.pictures.size(), 149);
  EXPECT_FALSE(scores.floors.has_value());
  for (const auto& score : scores.pictures) {
    const double level = std::stod(score.name.substr(9));
    EXPECT_NE(level, 70);
    EXPECT_NEAR(score.psnr_db, psnr_of_difference(std::abs(level / 255 - 0.5)), 1e-3);
    EXPECT_NEAR(score.sample_psnr_db, psnr_of_difference(std::abs(level / 255 - 0.25)), 1e-3);
    EXPECT_TRUE(std::isnan(score.pca_psnr_db));
  }
  // Three rows of original and reconstruction: best 128 (0.498), median, worst 0.
  EXPECT_EQ(scores.sheet.size(1), 3 * (kSide + 2) + 2);
  EXPECT_NEAR(scores.sheet[0][4][4].item<double>(), 127.0 / 255, 1.1 / 255);
  EXPECT_NEAR(scores.sheet[0][2 * (kSide + 2) + 4][4].item<double>(), 0, 1e-6);
}

TEST(Reconstruction, TableQuotesNamesWithCommas) {
  const testing::TemporaryFolder folder;
  ReconstructionScores scores;
  scores.pictures = {{"a, b.png", 20.5, 0.5, 19.5, std::nan(""), 11, 21.25}};
  write_per_image_csv(folder / "t.csv", scores);
  std::ifstream in(folder / "t.csv");
  std::string header, row;
  std::getline(in, header);
  std::getline(in, row);
  EXPECT_EQ(header,
            "file,psnr_db,ssim,sample_psnr_db,pca_psnr_db,mean_image_psnr_db,refined_psnr_db");
  EXPECT_EQ(row, "\"a, b.png\",20.5,0.5,19.5,,11,21.25");
}

}  // namespace
}  // namespace neurosplat
