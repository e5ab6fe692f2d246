#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {
namespace {

SplatVaeArchitecture sizes(std::int64_t packets = 512) {
  return {.image_size = 32,
          .packets = packets,
          .latent = 8,
          .decoder = DecoderKind::residual,
          .width = 32};
}

/// Smooth pictures, uint8 [count, 3, side, side]: mixtures of a few slow waves.
at::Tensor smooth_pictures(std::int64_t count, std::int64_t side = 32) {
  const auto noise =
      at::randn({count, 3, 4, 4}, at::detail::createCPUGenerator(8), at::kFloat) * 0.12 + 0.5;
  const auto large = at::upsample_bicubic2d(noise, {side, side}, false);
  return (large.clamp(0.05, 0.95) * 255).round().to(at::kByte);
}

SplatVae fitted(std::int64_t side = 32) {
  auto architecture = sizes();
  architecture.image_size = side;
  const SplatVae model(architecture);
  model.fit_linear_code([parts = std::vector{smooth_pictures(60, side)}]() mutable {
    std::optional<at::Tensor> next;
    if (!parts.empty()) next = parts.back();
    parts.clear();
    return next;
  });
  model.train(false);
  return model;
}

double mean_error(const at::Tensor& drawn, const at::Tensor& pictures) {
  return (drawn - pictures).square().mean().item<double>();
}

TEST(ResidualNetworks, StayBelowTenMillionNumbers) {
  const SplatVae model({.image_size = 128,
                        .packets = 512,
                        .latent = 128,
                        .decoder = DecoderKind::residual,
                        .width = 192});
  EXPECT_LT(model.parameter_count(), 10'000'000);
  EXPECT_GT(model.parameter_count(), 5'000'000);
}

TEST(ResidualNetworks, RoundTripThroughTheirState) {
  const SplatVae one(sizes(), 1), other(sizes(), 2);
  EXPECT_EQ(infer_architecture(one.state()), sizes());
  other.load_state(one.state());
  const auto pictures = at::rand({2, 3, 32, 32}, at::detail::createCPUGenerator(4), at::kFloat);
  EXPECT_TRUE(at::equal(one.reconstruct(pictures), other.reconstruct(pictures)));
  EXPECT_THROW(other.load_state(SplatVae({.image_size = 32}).state()), Error);
}

// Before training the networks add nothing, so packets must draw the linear code's picture: eight
// components of smooth pictures leave most of nothing out.
TEST(ResidualNetworks, BeginAsTheLinearCodeDrawnWithPackets) {
  const auto model = fitted();
  const auto pictures = smooth_pictures(60).to(at::kFloat) / 255;
  const auto drawn = model.reconstruct(pictures);
  const auto mean = pictures.mean(0, true).expand_as(pictures);
  EXPECT_LT(mean_error(drawn, pictures), 0.75 * mean_error(mean, pictures));
  const auto constant = at::full({1, 8}, 0.0);
  const auto middle = (pictures.mean(0) + pictures.flip(3).mean(0)) / 2;
  EXPECT_LT((model.draw(model.decode(constant))[0] - middle).abs().mean().item<double>(), 0.02);
}

TEST(ResidualNetworks, AnyNumberOfPacketsIsPlacedInsideTheCanvas) {
  for (const std::int64_t packets : {1, 2, 16, 101}) {
    const SplatVae model(sizes(packets));
    const auto raw = model.decode(at::zeros({2, 8}));
    EXPECT_EQ(raw.sizes(), at::IntArrayRef({2, packets, 11}));
    EXPECT_TRUE(raw.isfinite().all().item<bool>()) << packets;
  }
}

TEST(ResidualNetworks, RefusesSizesThatCannotBe) {
  auto small = sizes();
  small.image_size = 16;
  EXPECT_THROW(check(small), UsageError);
  EXPECT_THROW(check(sizes(8193)), UsageError);
  auto narrow = sizes();
  narrow.width = 20;
  EXPECT_THROW(check(narrow), UsageError);
  EXPECT_THROW(decoder_from_name("cnn"), UsageError);
}

TEST(ResidualNetworks, PosteriorsBeginWithATenthOfTheCodesSpread) {
  const auto pictures = smooth_pictures(3).to(at::kFloat) / 255;
  const auto spread = (fitted().encode(pictures).log_variance / 2).exp();
  EXPECT_LT((spread - 0.1).abs().max().item<double>(), 0.001);
}

// One step is half the slope over the curvature, so it tells the curvature: beside finite
// differences at other latents of the prior. 16 latents with 8 signs each leave an error of 13 %.
TEST(Refinement, CurvatureIsTheDecodersOwn) {
  const auto model = fitted(64);
  const auto drawn = [&](const at::Tensor& latents) { return model.draw(model.decode(latents)); };
  const auto latents = at::randn({24, 8}, at::detail::createCPUGenerator(6), at::kFloat);
  const auto pictures = drawn(at::randn({1, 8}, at::detail::createCPUGenerator(7), at::kFloat));
  const auto start = model.latents_of(pictures), moved = model.refining(1).latents_of(pictures);
  ASSERT_FALSE(at::equal(start, moved));
  constexpr double step = 1e-2;
  for (std::int64_t number = 0; number < 8; ++number) {
    auto offset = at::zeros({1, 8});
    offset[0][number] = step;
    const auto error = [&](double sign) {
      return (drawn(start + sign * offset) - pictures).square().mean().item<double>();
    };
    const double slope = (error(1) - error(-1)) / (2 * step);
    const auto change = (drawn(latents + offset) - drawn(latents - offset)) / (2 * step);
    const double curvature = 2 * change.square().mean().item<double>();
    const double used = -0.5 * slope / (moved - start)[0][number].item<double>();
    EXPECT_NEAR(used / curvature, 1, 0.6) << number;
  }
}

// A picture that the decoder can draw exactly is found again from a latent beside it.
TEST(Refinement, FindsTheLatentThatDrewThePicture) {
  const auto model = fitted();
  const auto truth = at::randn({4, 8}, at::detail::createCPUGenerator(2), at::kFloat) * 0.5;
  const auto pictures = model.draw(model.decode(truth));
  const auto start = model.latents_of(pictures);
  const auto found = model.refining(12).latents_of(pictures);
  const auto error = [&](const at::Tensor& latents) {
    return (model.draw(model.decode(latents)) - pictures).square().mean({1, 2, 3});
  };
  EXPECT_TRUE((error(found) <= error(start)).all().item<bool>());
  EXPECT_LT(error(found).mean().item<double>(), 0.05 * error(start).mean().item<double>());
  EXPECT_TRUE(at::equal(model.refining(0).latents_of(pictures), start));
  EXPECT_THROW(model.refining(-1), UsageError);
}

// The published networks know nothing of curvature; it is measured for them too.
TEST(Refinement, NeverMakesAPictureWorse) {
  const SplatVae model({.image_size = 16, .packets = 12, .latent = 6}, 3);
  model.train(false);
  const auto pictures = at::rand({5, 3, 16, 16}, at::detail::createCPUGenerator(4), at::kFloat);
  const auto error = [&](const SplatVae& by) {
    return (by.reconstruct(pictures) - pictures).square().mean({1, 2, 3});
  };
  const auto plain = error(model), refined = error(model.refining(6));
  EXPECT_TRUE((refined <= plain).all().item<bool>());
  EXPECT_LT(refined.mean().item<double>(), plain.mean().item<double>());
}

}  // namespace
}  // namespace neurosplat
