#include "neurosplat/figure/drawing.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

Colour pixel(const at::Tensor& picture, std::int64_t row, std::int64_t column) {
  const auto value = picture.select(1, row).select(1, column).contiguous();
  const auto* channels = value.const_data_ptr<float>();
  return {channels[0], channels[1], channels[2]};
}

void expect_colour(const Colour& found, const Colour& expected) {
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found[c], expected[c], 0.006) << "channel " << c;
}

// Rows 0, 128 and 255 of matplotlib's table.
TEST(Drawing, MagmaIsMatplotlibs) {
  const auto map = at::tensor({0.0F, 128.0F / 255.0F, 1.0F, -3.0F, 7.0F}).view({1, 5});
  const auto picture = magma(map);
  expect_colour(pixel(picture, 0, 0), {0.001462F, 0.000466F, 0.013866F});
  expect_colour(pixel(picture, 0, 1), {0.716387F, 0.214982F, 0.475290F});
  expect_colour(pixel(picture, 0, 2), {0.987053F, 0.991438F, 0.749504F});
  expect_colour(pixel(picture, 0, 3), pixel(picture, 0, 0));
  expect_colour(pixel(picture, 0, 4), pixel(picture, 0, 2));
  EXPECT_THROW(magma(at::zeros({3, 4, 4})), Error);
}

TEST(Drawing, DivergesFromWhite) {
  const auto picture = diverging(at::tensor({-1.0F, 0.0F, 1.0F}).view({1, 3}));
  expect_colour(pixel(picture, 0, 1), kWhite);
  EXPECT_GT(pixel(picture, 0, 0)[2], 0.99F);
  EXPECT_LT(pixel(picture, 0, 0)[0], 0.3F);
  EXPECT_GT(pixel(picture, 0, 2)[0], 0.99F);
  EXPECT_LT(pixel(picture, 0, 2)[2], 0.3F);
}

TEST(Drawing, MarksWhereItIsTold) {
  const auto black = at::zeros({3, 60, 90});
  const auto boxed = with_box(black, 10, 40, 20, 50, kGreen);
  for (const auto& [row, column] : {std::pair{10, 20}, {39, 49}, {10, 49}, {39, 20}, {25, 20}}) {
    expect_colour(pixel(boxed, row, column), kGreen);
  }
  EXPECT_EQ(pixel(boxed, 25, 35)[1], 0.0F);
  const auto ringed = with_rings(black, {{30.0, 40.0}}, 10.0, kYellow);
  EXPECT_GT(pixel(ringed, 30, 50)[0], 0.5F);
  EXPECT_GT(pixel(ringed, 20, 40)[0], 0.5F);
  EXPECT_EQ(pixel(ringed, 30, 40)[0], 0.0F);
  const auto path = with_path(black, {{20.0, 10.0}, {20.0, 80.0}}, kRed);
  EXPECT_GT(pixel(path, 20, 45)[0], 0.8F);  // smoothed at its edges
  expect_colour(pixel(path, 20, 10), kRed);
  EXPECT_EQ(black.max().item<float>(), 0.0F);
}

TEST(Drawing, CutsOffWhatLiesOutside) {
  const auto black = at::zeros({3, 20, 20});
  const double far = 1e12;
  EXPECT_EQ(with_rings(black, {{-50.0, 900.0}, {far, -far}}, far, kWhite).sizes(), black.sizes());
  EXPECT_EQ(with_path(black, {{-5.0, 3.0}, {19.0, 19.0}, {0.0, 0.0}}, kWhite).sizes(),
            black.sizes());
  EXPECT_EQ(with_label(black, std::string(300, 'x')).sizes(), at::IntArrayRef({3, 40, 20}));
}

TEST(Drawing, PutsTheLabelAboveThePicture) {
  const auto picture = at::full({3, 30, 120}, 0.4F);
  const auto labelled = with_label(picture, "gist (theta)");
  ASSERT_EQ(labelled.sizes(), at::IntArrayRef({3, 50, 120}));
  EXPECT_GT(labelled.narrow(1, 0, 20).max().item<float>(), 0.9F);
  EXPECT_LT((labelled.narrow(1, 20, 30) - picture).abs().max().item<float>(), 0.003F);
}

TEST(Drawing, LaysRowsOut) {
  const auto a = at::ones({3, 10, 20});
  EXPECT_EQ(sheet_of({{a, a, a}, {a, a}}, 4).sizes(), at::IntArrayRef({3, 24, 68}));
}

TEST(Drawing, DrawsCurves) {
  const auto chart =
      draw_curves({0.0, 0.5, 1.0}, {{"falling", {9.0, 5.0, 1.0}, kRed}}, "a", 200, 300);
  ASSERT_EQ(chart.sizes(), at::IntArrayRef({3, 200, 300}));
  expect_colour(pixel(chart, 10 + 75, 46 + 120), kRed);  // the middle of the frame
  EXPECT_THROW(draw_curves({0.0}, {{"short", {}, kRed}}, "a", 200, 300), Error);
  EXPECT_NO_THROW(draw_curves({1.0}, {{"point", {2.0}, kRed}}, "a", 200, 300));
}

}  // namespace
}  // namespace neurosplat
