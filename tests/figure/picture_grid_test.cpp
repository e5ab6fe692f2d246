#include "neurosplat/figure/picture_grid.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "io/one_line.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

TEST(PictureGrid, LaysOutRowAfterRow) {
  const auto pictures = at::rand({5, 3, 2, 4});
  const auto sheet = picture_grid(pictures, 3, 1);
  ASSERT_EQ(sheet.sizes(), at::IntArrayRef({3, 7, 16}));
  auto expected = at::zeros({3, 7, 16});
  for (int k = 0; k < 5; ++k)
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < 2; ++y)
        for (int x = 0; x < 4; ++x)
          expected[c][1 + (k / 3) * 3 + y][1 + (k % 3) * 5 + x] = pictures[k][c][y][x];
  EXPECT_TRUE(sheet.equal(expected));
  EXPECT_EQ(picture_grid(pictures, 8).sizes(), at::IntArrayRef({3, 6, 32}));
  one_line_error([&] { picture_grid(pictures, 0); });
  one_line_error([&] { picture_grid(pictures[0], 1); });
}

// Of 2 x 2 pixels: picture, black, white line, black, two beside; padding of 1 round the group.
TEST(PicturesBeside, StandBehindAWhiteLine) {
  const auto pictures = at::rand({3, 3, 2, 2}), beside = at::rand({3, 2, 3, 2, 2});
  const auto sheet = pictures_beside(pictures, beside, 2, 1);
  constexpr std::int64_t kGroup = 2 + 1 + 1 + 1 + 2 + 1 + 2;
  ASSERT_EQ(sheet.sizes(), at::IntArrayRef({3, 2 * 3 + 1, 2 * (kGroup + 1) + 1}));
  const std::int64_t left = 1 + kGroup + 1;  // of the second group
  const auto part = [&](std::int64_t column, std::int64_t width) {
    return sheet.narrow(1, 1, 2).narrow(2, left + column, width);
  };
  EXPECT_TRUE(part(0, 2).equal(pictures[1]));
  EXPECT_TRUE(part(2, 1).equal(at::zeros({3, 2, 1})));
  EXPECT_TRUE(part(3, 1).equal(at::ones({3, 2, 1})));
  EXPECT_TRUE(part(5, 2).equal(beside[1][0]));
  EXPECT_TRUE(part(8, 2).equal(beside[1][1]));
  EXPECT_TRUE(sheet.narrow(1, 4, 2).narrow(2, 1, 2).equal(pictures[2]));
  one_line_error([&] { pictures_beside(pictures, beside.narrow(0, 0, 2), 2); });
  one_line_error([&] { pictures_beside(pictures, beside.narrow(4, 0, 1), 2); });
  one_line_error([&] { pictures_beside(pictures, pictures, 2); });
}

}  // namespace
}  // namespace neurosplat
