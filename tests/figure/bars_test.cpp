#include "neurosplat/figure/bars.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace neurosplat {
namespace {

/// Columns of the picture that hold some of this colour.
std::int64_t columns_of(const at::Tensor& picture, const Colour& colour) {
  const auto wanted = at::tensor({colour[0], colour[1], colour[2]});
  const auto there = (picture - wanted.view({3, 1, 1})).abs().amax(0).lt(1.5 / 255);  // of 8 bits
  return there.any(0).sum().item<std::int64_t>();
}

TEST(Bars, AreAsLongAsTheirValues) {
  const auto picture =
      draw_bars({.title = "two", .unit = "dB", .bars = {{"half", 10, kRed}, {"whole", 20, kGreen}}},
                200, 500);
  EXPECT_EQ(picture.sizes(), (at::IntArrayRef{3, 200, 500}));
  const auto whole = columns_of(picture, kGreen);
  EXPECT_GT(whole, 300);
  EXPECT_NEAR(static_cast<double>(columns_of(picture, kRed)), 0.5 * static_cast<double>(whole),
              1.0);
}

TEST(Bars, WhatIsNoNumberHasNoBar) {
  const auto picture = draw_bars(
      {.bars = {{"none", NAN, kRed}, {"endless", INFINITY, kRed}, {"nothing", 0, kGreen}}}, 100,
      200);
  EXPECT_EQ(columns_of(picture, kRed), 0);
  EXPECT_EQ(columns_of(picture, kGreen), 0);
  EXPECT_EQ(draw_bars({}, 50, 60).sizes(), (at::IntArrayRef{3, 50, 60}));
}

}  // namespace
}  // namespace neurosplat
