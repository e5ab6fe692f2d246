#include "neurosplat/systems/cortex/gabor_bank.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/cortex/agreement_gate.h"

namespace neurosplat {
namespace {

at::Tensor noise(std::int64_t height, std::int64_t width, std::uint64_t seed) {
  return at::rand({height, width}, at::detail::createCPUGenerator(seed), at::kDouble);
}

/// The kernel from its formula, number by number.
at::Tensor kernel(const GaborSettings& settings, std::int64_t o) {
  const auto radius = settings.support / 2;
  const double angle =
      std::numbers::pi * static_cast<double>(o) / static_cast<double>(settings.orientations);
  auto parts = at::zeros({2, settings.support, settings.support}, at::kDouble);
  for (std::int64_t y = -radius; y <= radius; ++y) {
    for (std::int64_t x = -radius; x <= radius; ++x) {
      const auto r = static_cast<double>(x * x + y * y);
      const double along =
          static_cast<double>(x) * std::cos(angle) + static_cast<double>(y) * std::sin(angle);
      const double envelope = std::exp(-r / (2.0 * settings.sigma * settings.sigma));
      const double phase = 2.0 * std::numbers::pi * along / settings.wavelength;
      parts[0][y + radius][x + radius] = envelope * std::cos(phase);
      parts[1][y + radius][x + radius] = envelope * std::sin(phase);
    }
  }
  return parts - parts.mean({1, 2}, true);
}

/// Convolution as the definition has it, in double.
at::Tensor convolved(const at::Tensor& picture, const at::Tensor& kernel) {
  const auto mirrored = kernel.flip({1, 2}).unsqueeze(1);
  return at::conv2d(picture.to(at::kDouble).unsqueeze(0).unsqueeze(0), mirrored, {}, 1,
                    kernel.size(1) / 2)[0];
}

TEST(GaborBank, EqualsTheDirectConvolution) {
  for (const auto& settings : {GaborSettings{}, GaborSettings{6, 5.0, 3.0, 15},
                               GaborSettings{1, 8.0, 6.0, 25}, GaborSettings{5, 11.0, 4.0, 31}}) {
    const GaborBank bank(settings);
    const auto picture = noise(70, 53, 1);
    const auto full = bank.respond(picture), single = bank.respond(picture.to(at::kFloat));
    for (std::int64_t o = 0; o < settings.orientations; ++o) {
      const auto expected = convolved(picture, kernel(settings, o));
      EXPECT_LT((full[o] - expected).abs().max().item<double>(), 1e-12);
      EXPECT_LT((single[o].to(at::kDouble) - expected).abs().max().item<double>(), 1e-5);
    }
  }
}

TEST(GaborBank, EqualsTheDirectConvolutionAtTheReferencesSize) {
  const GaborBank bank;
  const auto picture = noise(256, 256, 2);
  const auto single = bank.respond(picture.to(at::kFloat)).to(at::kDouble);
  for (std::int64_t o = 0; o < 4; ++o) {
    const auto error = (single[o] - convolved(picture, kernel({}, o))).abs().max().item<double>();
    EXPECT_LT(error, 1e-5) << "orientation " << o;
  }
}

TEST(GaborBank, TakesPicturesSmallerThanAFilter) {
  const GaborBank bank;
  for (const auto& [height, width] : {std::pair{1, 1}, {3, 40}, {40, 3}, {16, 16}, {17, 33}}) {
    const auto picture = noise(height, width, 3);
    const auto responses = bank.respond(picture);
    ASSERT_EQ(responses.sizes(), at::IntArrayRef({4, 2, height, width}));
    const auto expected = convolved(picture, kernel({}, 3));
    EXPECT_LT((responses[3] - expected).abs().max().item<double>(), 1e-12);
  }
}

TEST(GaborBank, KernelsHaveNoMean) {
  const auto kernels = gabor_kernels({});
  ASSERT_EQ(kernels.sizes(), at::IntArrayRef({4, 25, 25}));
  EXPECT_LT(kernels.sum({1, 2}).abs().max().item<double>(), 1e-12);
  for (std::int64_t o = 0; o < 4; ++o) {
    const auto parts = at::view_as_real(kernels[o]).permute({2, 0, 1});
    EXPECT_LT((parts - kernel({}, o)).abs().max().item<double>(), 1e-14);
  }
}

// A plane wave of the filters' own length answers its orientation with a phase that runs with it.
TEST(GaborBank, FollowsAPlaneWave) {
  const auto x = at::arange(96, at::kDouble).view({1, 96}).expand({96, 96});
  const auto responses = GaborBank().respond(at::cos(x * (2.0 * std::numbers::pi / 8.0)));
  const auto amplitude = responses.square().sum(1).sqrt().select(1, 48).select(1, 48);
  EXPECT_EQ(amplitude.argmax().item<std::int64_t>(), 0);
  const auto at_48 = responses[0].select(1, 48);
  const auto phase = [&](std::int64_t column) {
    return std::atan2(at_48[1][column].item<double>(), at_48[0][column].item<double>());
  };
  EXPECT_NEAR(phase(48), 0.0, 1e-6);
  EXPECT_NEAR(phase(50), 0.5 * std::numbers::pi, 1e-6);
}

TEST(GaborBank, RefusesWhatItCannotDo) {
  EXPECT_THROW(GaborBank({0, 8.0, 6.0, 25}), UsageError);
  EXPECT_THROW(GaborBank({4, 0.0, 6.0, 25}), UsageError);
  EXPECT_THROW(GaborBank({4, 8.0, NAN, 25}), UsageError);
  EXPECT_THROW(GaborBank({4, 8.0, 6.0, 24}), UsageError);
  const GaborBank bank;
  EXPECT_THROW(bank.respond(at::zeros({3, 8, 8})), UsageError);
  EXPECT_THROW(bank.respond(at::zeros({8, 8}, at::kByte)), UsageError);
  EXPECT_THROW(bank.respond(at::zeros({0, 8})), UsageError);
}

/// The gate as docs/neuro-splat.md, "Agreement gate" writes it, in complex numbers.
at::Tensor gain_by_formula(const at::Tensor& world, const at::Tensor& gist) {
  at::Tensor sum, weighted;
  for (std::int64_t o = 0; o < 4; ++o) {
    const auto w = convolved(world, kernel({}, o)), g = convolved(gist, kernel({}, o));
    const auto zw = at::complex(w[0], w[1]), zg = at::complex(g[0], g[1]);
    const auto amplitude = zw.abs() * zg.abs();
    const auto coherence = at::real(zw * zg.conj()) / (amplitude + 1e-9);
    const auto part = amplitude * 0.5 * (1.0 + coherence);
    sum = sum.defined() ? sum + amplitude : amplitude;
    weighted = weighted.defined() ? weighted + part : part;
  }
  return (weighted / (sum + 1e-9)).clamp(0.0, 1.0);
}

TEST(AgreementGate, FollowsTheFormula) {
  const auto world = noise(60, 41, 4), gist = 0.5 * world + 0.5 * noise(60, 41, 5);
  const auto expected = gain_by_formula(world, gist);
  const AgreementGate gate;
  EXPECT_LT((gate.gain(world, gist) - expected).abs().max().item<double>(), 1e-12);
  const auto single = gate.gain(world.to(at::kFloat), gist.to(at::kFloat)).to(at::kDouble);
  EXPECT_LT((single - expected).abs().max().item<double>(), 1e-5);
}

TEST(AgreementGate, IsOneForTheSameAndNoughtForTheOpposite) {
  const AgreementGate gate;
  const auto world = noise(64, 64, 6) - 0.5;
  EXPECT_GT(gate.gain(world, world).min().item<double>(), 1.0 - 1e-6);
  EXPECT_LT(gate.gain(world, -world).max().item<double>(), 1e-6);
  EXPECT_GT(gate.gain(world, 3.0 * world).min().item<double>(), 1.0 - 1e-6);
  EXPECT_EQ(gate.gain(at::zeros({30, 30}), at::zeros({30, 30})).max().item<double>(), 0.0);
  EXPECT_THROW(gate.gain(world, world.narrow(0, 0, 60)), UsageError);
}

}  // namespace
}  // namespace neurosplat
