#include "neurosplat/metrics/seam_ratio.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

at::Tensor noise(at::IntArrayRef size) {
  return at::rand(size, at::detail::createCPUGenerator(3), at::TensorOptions(at::kDouble));
}

// Along each line of 8 pixels in tiles of 4 neighbours differ by 1 but for the border's 5.
TEST(SeamRatio, OfRampsWithStepsIsTheirQuotient) {
  const auto ramp = at::tensor({0., 1., 2., 3., 8., 9., 10., 11.}, at::kDouble);
  const auto rows = ramp.view({1, 1, 8, 1}), columns = ramp.view({1, 1, 1, 8});
  EXPECT_NEAR(seam_ratio((rows + columns).expand({2, 3, 8, 8}), 4), 5, 1e-12);
  // Steps along columns alone: half of the borders have 5, half 1; the mean is 3.
  const auto plain = at::arange(8, at::kDouble).view({1, 1, 1, 8});
  EXPECT_NEAR(seam_ratio((rows + plain).expand({1, 3, 8, 8}), 4), 3, 1e-12);
  EXPECT_NEAR(seam_ratio((plain + rows.flip(2)).expand({1, 3, 8, 8}), 4), 3, 1e-12);
}

// Every tile flat: no neighbours inside differ, and none across borders that lie elsewhere. Borders
// alike: nothing is left of them.
TEST(SeamRatio, OfFlatTilesIsNoneAndOfJoinedOnesNothing) {
  const auto tiles = noise({2, 3, 3, 3}).repeat_interleave(4, 2).repeat_interleave(4, 3);
  EXPECT_TRUE(std::isnan(seam_ratio(tiles, 4)));
  EXPECT_EQ(seam_ratio(tiles, 6), 0);
  const auto tile = noise({1, 1, 4, 4});
  const auto mirrored = at::cat({tile, tile.flip(3)}, 3);
  EXPECT_NEAR(seam_ratio(at::cat({mirrored, mirrored.flip(2)}, 2), 4), 0, 1e-12);
  EXPECT_TRUE(std::isnan(SeamRatio(4).ratio()));
}

double by_loops(const at::Tensor& pictures, std::int64_t tile) {
  const auto p = pictures.accessor<double, 4>();
  double sums[2] = {0, 0};
  double counts[2] = {0, 0};
  const auto add = [&](std::int64_t place, double one, double other) {
    const bool inside = place % tile != tile - 1;
    sums[inside] += std::abs(one - other);
    counts[inside] += 1;
  };
  for (std::int64_t b = 0; b < p.size(0); ++b)
    for (std::int64_t c = 0; c < p.size(1); ++c)
      for (std::int64_t y = 0; y < p.size(2); ++y)
        for (std::int64_t x = 0; x < p.size(3); ++x) {
          if (y + 1 < p.size(2)) add(y, p[b][c][y][x], p[b][c][y + 1][x]);
          if (x + 1 < p.size(3)) add(x, p[b][c][y][x], p[b][c][y][x + 1]);
        }
  return sums[0] / counts[0] / (sums[1] / counts[1]);
}

TEST(SeamRatio, IsThatOfPlainLoopsWhateverTheBatches) {
  const auto pictures = (noise({5, 3, 12, 20}) + at::arange(20, at::kDouble).div(7)).contiguous();
  const double expected = by_loops(pictures, 4);
  EXPECT_NEAR(seam_ratio(pictures, 4), expected, 1e-12);
  EXPECT_NEAR(seam_ratio(pictures.to(at::kFloat), 4), expected, 1e-5);
  SeamRatio ratio(4);
  ratio.add(pictures.narrow(0, 0, 2));
  ratio.add(pictures.narrow(0, 2, 3));
  EXPECT_NEAR(ratio.ratio(), expected, 1e-12);
  // A single row of tiles has borders in one direction alone.
  EXPECT_NEAR(seam_ratio(pictures.narrow(2, 0, 4).contiguous(), 4),
              by_loops(pictures.narrow(2, 0, 4).contiguous(), 4), 1e-12);
}

// Differences of the order of 100 make what keeps its logarithms finite nothing.
TEST(SeamLoss, IsTheSquaredDifferenceOfLogarithmsOfRatios) {
  const auto pictures = 300 * noise({3, 2, 12, 12});
  auto target = 300 * noise({3, 2, 12, 12});
  target.slice(3, 4, 12).add_(200);  // a seam
  double expected = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    expected += std::pow(
        std::log(seam_ratio(pictures.narrow(0, i, 1), 4) / seam_ratio(target.narrow(0, i, 1), 4)),
        2);
  }
  EXPECT_NEAR(seam_loss(pictures, target, 4).item<double>(), expected / 3, 1e-5 * expected);
  EXPECT_EQ(seam_loss(pictures, pictures, 4).item<double>(), 0);
}

TEST(SeamLoss, SlopeIsThatOfFiniteDifferences) {
  auto pictures = noise({2, 1, 8, 8}).requires_grad_();
  const auto target = noise({2, 1, 8, 8}).flip(0);
  const auto loss = [&](const at::Tensor& of) { return seam_loss(of, target, 4).item<double>(); };
  seam_loss(pictures, target, 4).backward();
  const double step = 1e-6;
  for (const auto& [row, column] : {std::pair{3, 5}, {4, 2}, {1, 6}, {0, 0}}) {
    auto more = pictures.detach().clone(), less = pictures.detach().clone();
    more[1][0][row][column] += step;
    less[1][0][row][column] -= step;
    EXPECT_NEAR(pictures.grad()[1][0][row][column].item<double>(),
                (loss(more) - loss(less)) / (2 * step), 1e-7)
        << row << ' ' << column;
  }
}

TEST(SeamLoss, RefusesWhatIsNotAlike) {
  EXPECT_THROW(seam_loss(noise({1, 1, 8, 8}), noise({2, 1, 8, 8}), 4), Error);
  EXPECT_THROW(seam_loss(noise({1, 1, 8, 8}), noise({1, 1, 8, 8}), 3), Error);
  EXPECT_THROW(seam_loss(noise({1, 1, 8, 8}), noise({1, 1, 8, 8}), 1), UsageError);
  EXPECT_TRUE(seam_loss(at::ones({1, 1, 8, 8}), at::ones({1, 1, 8, 8}), 4).eq(0).item<bool>());
}

TEST(SeamRatio, RefusesWhatHasNoTiles) {
  one_line_error([] { SeamRatio(1); });
  one_line_error([] { seam_ratio(noise({1, 3, 8, 9}), 4); });
  one_line_error([] { seam_ratio(noise({1, 3, 4, 4}), 4); });
  one_line_error([] { seam_ratio(noise({3, 8, 8}), 4); });
  one_line_error([] { seam_ratio(at::zeros({1, 3, 8, 8}, at::kByte), 4); });
  one_line_error([] { seam_ratio({}, 4); });
}

// Photographs have no tiles; 1.038 of all 3,000.
TEST(SeamRatio, OfRealCatsIsNearOne) {
  const auto folder = testing::shared_folder("data/cat-faces-64/jpg");
  if (!folder) GTEST_SKIP() << "needs cat faces in ../shared/data/cat-faces-64/jpg";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(*folder))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  SeamRatio ratio(8);
  for (std::size_t k = 0; k < files.size(); k += 5)
    ratio.add(read_picture(files[k]).unsqueeze(0).to(at::kFloat) / 255.0);
  EXPECT_NEAR(ratio.ratio(), 1.038, 0.01);
}

}  // namespace
}  // namespace neurosplat
