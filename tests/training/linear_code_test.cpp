#include "neurosplat/training/linear_code.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "neurosplat/metrics/linear_floor.h"

namespace neurosplat {
namespace {

PictureParts one_by_one(std::vector<at::Tensor> parts) {
  return [parts = std::move(parts)]() mutable {
    std::optional<at::Tensor> next;
    if (parts.empty()) return next;
    next = parts.back();
    parts.pop_back();
    return next;
  };
}

// What is below the band comes through: a cosine of the picture is the same cosine at 32 pixels.
TEST(LinearCode, LowPassKeepsSlowWavesAndDropsFastOnes) {
  const LinearCode code(128, 4, 0);
  const auto wave = [](std::int64_t size, double half_waves) {
    const auto place = (at::arange(size, at::kDouble) + 0.5) * (std::numbers::pi * half_waves);
    return at::cos(place / static_cast<double>(size)).to(at::kFloat);
  };
  const auto picture = [&](std::int64_t size, double down, double right) {
    return at::outer(wave(size, down), wave(size, right)).expand({1, 3, size, size});
  };
  for (const double right : {0.0, 1.0, 9.0, 31.0}) {
    const auto low = code->low(picture(128, 5, right));
    EXPECT_LT((low - picture(32, 5, right)).abs().max().item<double>(), 1e-5) << right;
  }
  EXPECT_LT(code->low(picture(128, 5, 32)).abs().max().item<double>(), 1e-5);
}

// What is drawn from below the band has it again, and slow waves of the picture.
TEST(LinearCode, HighUndoesLow) {
  const LinearCode code(64, 4, 0);
  const auto low = at::rand({2, 3, 32, 32}, at::detail::createCPUGenerator(4), at::kFloat);
  const auto high = code->high(low);
  EXPECT_EQ(high.sizes(), at::IntArrayRef({2, 3, 64, 64}));
  EXPECT_LT((code->low(high) - low).abs().max().item<double>(), 1e-5);
  EXPECT_LT((high.mean() - low.mean()).abs().item<double>(), 1e-6);
}

// The components of another fit, through the Gram matrix, span the same pictures.
TEST(LinearCode, FitAgreesWithTheLinearFloor) {
  const auto bytes = at::randint(0, 256, {40, 3, 32, 32}, at::detail::createCPUGenerator(3),
                                 at::TensorOptions(at::kByte));
  const auto mirrored = at::cat({bytes, bytes.flip(3)});
  const auto floor = fit_linear_floor(mirrored, 7);
  LinearCode code(32, 7, 0);
  std::vector<at::Tensor> parts = {bytes.narrow(0, 0, 25), bytes.narrow(0, 25, 15)};
  code->fit(one_by_one(parts));
  const auto pictures = mirrored.to(at::kFloat) / 255;
  const auto latents = code->encode(code->low(pictures));
  const auto expected = project(floor, pictures);
  EXPECT_LT((code->decode(latents).clamp(0, 1) - expected).abs().max().item<double>(), 2e-3);
  EXPECT_LT(latents.mean(0).abs().max().item<double>(), 1e-3);
  EXPECT_LT((latents.square().mean(0) - 1).abs().max().item<double>(), 1e-2);
}

}  // namespace
}  // namespace neurosplat
