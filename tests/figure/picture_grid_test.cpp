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

}  // namespace
}  // namespace neurosplat
