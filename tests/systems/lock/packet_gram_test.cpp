#include "neurosplat/systems/lock/packet_gram.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/lock/packet_placement.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPackets = 12, kHeight = 20, kWidth = 26;

at::Tensor some_geometry() {
  const auto raw = at::randn({1, kPackets, 7}, at::detail::createCPUGenerator(2), at::kFloat);
  return activate_packets(raw)[0].slice(1, 0, 5).contiguous();
}

/// Rows Re E_n, then -Im E_n, drawn one packet and coefficient at a time in double.
at::Tensor explicit_rows(const at::Tensor& geometry, std::int64_t height = kHeight,
                         std::int64_t width = kWidth) {
  const std::int64_t packets = geometry.size(0);
  auto rows = at::zeros({2 * packets, height * width}, at::kDouble);
  for (std::int64_t n = 0; n < packets; ++n) {
    for (std::int64_t part = 0; part < 2; ++part) {
      auto one = at::zeros({1, 1, 7}, at::kDouble);
      one[0][0].slice(0, 0, 5).copy_(geometry[n]);
      one[0][0][5 + part] = 1;
      rows[part * packets + n] =
          render(one, height, width, {.form = PacketForm::activated, .output = Output::linear})
              .flatten();
    }
  }
  return rows;
}

TEST(PacketGram, IsTheProductOfThePacketsOwnPictures) {
  const auto geometry = some_geometry();
  const auto rows = explicit_rows(geometry);
  const auto expected = rows.matmul(rows.t());
  const auto gram = PacketGram::matrix(geometry, kHeight, kWidth).to(at::kDouble);
  EXPECT_LE((gram - expected).abs().max().item<double>(), 2e-5 * expected.max().item<double>());
}

TEST(PacketGram, SolvesTheRidgeProblem) {
  const auto geometry = some_geometry();
  const auto rows = explicit_rows(geometry);
  const double ridge = 1e-2;
  auto matrix = rows.matmul(rows.t());
  matrix.diagonal() += ridge * matrix.diagonal().mean();
  const auto target =
      at::randn({3, kHeight * kWidth}, at::detail::createCPUGenerator(4), at::kDouble);
  const auto expected = at::linalg_solve(matrix, rows.matmul(target.t()));  // [2N, 3]
  const auto right = rows.matmul(target.t()).view({2, kPackets, 3}).permute({1, 2, 0});
  const auto got = PacketGram(geometry, kHeight, kWidth, ridge)
                       .solve(right.reshape({kPackets, 6}).to(at::kFloat))
                       .to(at::kDouble);
  const auto wanted = expected.view({2, kPackets, 3}).permute({1, 2, 0}).reshape({kPackets, 6});
  EXPECT_LE((got - wanted).norm().item<double>(), 1e-3 * wanted.norm().item<double>());
}

// Many narrow packets, a few broad ones and a last tile that is not full: most tiles are left out.
TEST(PacketGram, LeavesOutOnlyWhatIsNegligible) {
  constexpr std::int64_t kMany = 300, kSide = 48;
  const auto generator = at::detail::createCPUGenerator(8);
  auto geometry = at::rand({kMany, 5}, generator, at::kFloat);
  geometry.select(1, 2) = geometry.select(1, 2) * 0.03 + 0.015;
  geometry.select(1, 2).slice(0, 20, 30) = 0.2;
  geometry.select(1, 4) *= 6;
  const auto rows = explicit_rows(geometry, kSide, kSide);
  auto matrix = rows.matmul(rows.t());
  const auto gram = PacketGram::matrix(geometry, kSide, kSide).to(at::kDouble);
  EXPECT_LE((gram - matrix).abs().max().item<double>(), 2e-5 * matrix.max().item<double>());
  EXPECT_GT((gram == 0).to(at::kDouble).mean().item<double>(), 0.15);
  const double ridge = 1e-2;
  matrix.diagonal() += ridge * matrix.diagonal().mean();
  const auto right = at::randn({2 * kMany, 1}, generator, at::TensorOptions().dtype(at::kDouble));
  const auto expected = at::linalg_solve(matrix, right).view({2, kMany}).t();
  const auto got = PacketGram(geometry, kSide, kSide, ridge)
                       .solve(right.view({2, kMany}).t().contiguous().to(at::kFloat))
                       .to(at::kDouble);
  EXPECT_LE((got - expected).norm().item<double>(), 1e-3 * expected.norm().item<double>());
}

TEST(PacketGram, RefusesWhatItCannotFactor) {
  const auto twice = at::cat({some_geometry(), some_geometry()});
  EXPECT_THROW(PacketGram(twice, kHeight, kWidth, 0.0), Error);
  EXPECT_NO_THROW(PacketGram(twice, kHeight, kWidth, 1e-2));
  EXPECT_THROW(PacketGram(at::zeros({4, 6}), kHeight, kWidth, 1e-3), UsageError);
}

TEST(PacketPlacement, StandsWhereTheDetailIs) {
  auto picture = at::full({3, 64, 64}, 0.5, at::kFloat);
  // Upright stripes in the right half only: waves along x.
  picture.slice(2, 40, 64) += 0.4 * at::sin(at::arange(24, at::kFloat) * 1.5);
  const auto geometry = place_packets(picture, {.packets = 100});
  ASSERT_EQ(geometry.sizes(), (std::vector<std::int64_t>{100, 5}));
  const auto right = geometry.select(1, 0) > 0.58;
  EXPECT_GT(right.sum().item<std::int64_t>(), 60);  // 38 of 100 by area
  EXPECT_TRUE(geometry.isfinite().all().item<bool>());
  EXPECT_GE(geometry.slice(1, 0, 2).min().item<float>(), 0);
  EXPECT_LE(geometry.slice(1, 0, 2).max().item<float>(), 1);
  const auto striped = geometry.select(1, 0) > 0.66;
  EXPECT_GT(geometry.select(1, 3).cos().abs().masked_select(striped).min().item<float>(), 0.99);
  EXPECT_LT(geometry.select(1, 2).masked_select(striped).mean().item<float>(),
            geometry.select(1, 2).masked_select(striped.logical_not()).mean().item<float>());
}

TEST(PacketPlacement, TakesFlatAndTinyPictures) {
  const auto flat = place_packets(at::zeros({1, 16, 16}), {.packets = 16});
  EXPECT_TRUE(flat.isfinite().all().item<bool>());
  const auto crowded = place_packets(at::rand({3, 4, 3}), {.packets = 50});
  EXPECT_EQ(crowded.size(0), 50);
  EXPECT_TRUE(crowded.isfinite().all().item<bool>());
  EXPECT_GT(crowded.select(1, 2).min().item<float>(), 0);
  EXPECT_THROW(place_packets(at::zeros({16, 16}), {}), UsageError);
  EXPECT_THROW(place_packets(at::zeros({3, 16, 16}), {.packets = 0}), UsageError);
}

}  // namespace
}  // namespace neurosplat
