#include "neurosplat/renderer/packets/renderer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/packet.h"
#include "renderer_cases.h"
#include "renderer_numbers.h"

namespace neurosplat {
namespace {

using testing::error_of;
using testing::formula;
using testing::raw_packets;
using testing::renderer_cases;
using testing::RendererCase;

RenderOptions linear(RendererKind kind, PacketForm form = PacketForm::raw) {
  return {.form = form, .output = Output::linear, .renderer = kind};
}

/// Those that plain loops finish in a moment.
std::vector<RendererCase> small_cases() {
  std::vector<RendererCase> small;
  for (const auto& one : renderer_cases()) {
    if (one.packets * one.height * one.width <= 1'000'000) small.push_back(one);
  }
  return small;
}

class EveryCase : public ::testing::TestWithParam<RendererCase> {};
class EverySmallCase : public ::testing::TestWithParam<RendererCase> {};

TEST_P(EverySmallCase, DenseInDoubleIsTheFormula) {
  const auto& one = GetParam();
  const auto active = testing::active_packets(one).to(at::kDouble);
  const auto picture =
      render(active, one.height, one.width, linear(RendererKind::dense, PacketForm::activated));
  for (std::int64_t b = 0; b < one.batch; ++b) {
    EXPECT_LE(error_of(picture[b], formula(active[b], one.height, one.width)), 1e-11);
  }
}

TEST_P(EveryCase, MatrixValues) {
  const auto& one = GetParam();
  const auto active = testing::active_packets(one);
  const auto truth = render(active.to(at::kDouble), one.height, one.width,
                            linear(RendererKind::dense, PacketForm::activated));
  const auto picture =
      render(active, one.height, one.width, linear(RendererKind::matrix, PacketForm::activated));
  EXPECT_LE(error_of(picture, truth), 1e-6);
}

TEST_P(EveryCase, MatrixGradients) {
  const auto& one = GetParam();
  const auto active = testing::active_packets(one);
  const auto generator = at::detail::createCPUGenerator(11);
  const auto weight =
      at::randn({one.batch, one.channels, one.height, one.width}, generator, at::kFloat);
  const auto gradient = [&](at::Tensor packets, RendererKind kind) {
    packets = packets.detach().clone().requires_grad_(true);
    const auto picture =
        render(packets, one.height, one.width, linear(kind, PacketForm::activated));
    (picture * weight).sum().backward();
    return packets.grad().to(at::kDouble);
  };
  const auto truth = gradient(active.to(at::kDouble), RendererKind::dense);
  const auto own = gradient(active, RendererKind::matrix);
  for (std::int64_t i = 0; i < truth.size(2); ++i) {
    const auto expected = truth.select(2, i), got = own.select(2, i);
    const double relative =
        (got - expected).norm().item<double>() / (expected.norm().item<double>() + 1e-30);
    EXPECT_LE(relative, 1e-5) << "number " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Renderer, EverySmallCase, ::testing::ValuesIn(small_cases()),
                         [](const auto& one) { return one.param.name; });
INSTANTIATE_TEST_SUITE_P(Renderer, EveryCase, ::testing::ValuesIn(renderer_cases()),
                         [](const auto& one) { return one.param.name; });

/// Sharp and broad packets in one picture: several grids and blocks that reach part of it.
TEST(Renderer, PacketsOnEveryGrid) {
  for (const auto& [height, width] : {std::pair{300, 260}, std::pair{40, 400}}) {
    const RendererCase one{"", 1, 700, 3, height, width, 2.5, -1.0, -0.5};
    const auto active = activate_packets(raw_packets(one));
    const auto truth = render(active.to(at::kDouble), height, width,
                              linear(RendererKind::dense, PacketForm::activated));
    const auto picture =
        render(active, height, width, linear(RendererKind::matrix, PacketForm::activated));
    EXPECT_LE(error_of(picture, truth), 1e-6) << height << " x " << width;
  }
}

/// Broader than any raw packet can be: plane waves, which no grid of few points carries.
TEST(Renderer, ActivatedPacketsOfAnyWidth) {
  auto active = activate_packets(raw_packets({"", 1, 60, 3, 100, 100}));
  active.select(2, packet::kWidth) *= 20;
  const auto truth =
      render(active.to(at::kDouble), 100, 100, linear(RendererKind::dense, PacketForm::activated));
  const auto picture =
      render(active, 100, 100, linear(RendererKind::matrix, PacketForm::activated));
  EXPECT_LE(error_of(picture, truth), 1e-6);
}

// A wave's turns add up over the frame: a frequency needs more digits than a float has.
TEST(Renderer, FastWavesOfBroadPacketsKeepTheirPhase) {
  constexpr std::int64_t kWaves = 16;
  auto active = at::zeros({kWaves, 1, 11});
  for (std::int64_t i = 0; i < kWaves; ++i) {
    const auto wave = active[i][0];
    wave[packet::kWidth] = 3.0;
    wave[packet::kOrientation] = 0.1 * static_cast<double>(i);
    wave[packet::kFrequency] = 40.3 + 0.61 * static_cast<double>(i);
    wave.slice(0, packet::kCoefficients).fill_(0.6);
  }
  const auto draw = [](const at::Tensor& packets, RendererKind kind) {
    return render(packets, 100, 100, linear(kind, PacketForm::activated)).to(at::kDouble);
  };
  const auto truth = draw(active.to(at::kDouble), RendererKind::dense);
  EXPECT_LE((draw(active, RendererKind::matrix) - truth).abs().max().item<double>(), 1e-6);
}

/// Activation and sigmoid are part of the matrix renderer's own pass.
TEST_P(EveryCase, MatrixPicturesOfRawPackets) {
  const auto& one = GetParam();
  const auto raw = raw_packets(one);
  const auto generator = at::detail::createCPUGenerator(13);
  const auto weight =
      at::randn({one.batch, one.channels, one.height, one.width}, generator, at::kFloat);
  const auto picture_and_gradient = [&](at::Tensor packets, RendererKind kind) {
    packets = packets.detach().clone().requires_grad_(true);
    const auto picture = render(packets, one.height, one.width, {.renderer = kind});
    (picture * weight).sum().backward();
    return std::pair{picture.detach(), packets.grad().to(at::kDouble)};
  };
  const auto [truth, expected] = picture_and_gradient(raw.to(at::kDouble), RendererKind::dense);
  const auto [own, got] = picture_and_gradient(raw, RendererKind::matrix);
  EXPECT_LE((own.to(at::kDouble) - truth).abs().max().item<double>(), 4e-6);
  for (std::int64_t i = 0; i < expected.size(2); ++i) {
    const auto wanted = expected.select(2, i);
    EXPECT_LE((got.select(2, i) - wanted).norm().item<double>(),
              3e-5 * wanted.norm().item<double>() + 1e-12)
        << "number " << i;
  }
}

TEST(Renderer, CutoffTradesErrorForWork) {
  const RendererCase one{"", 1, 300, 3, 128, 128, 1.0, -2.0};
  const auto active = activate_packets(raw_packets(one));
  const auto truth =
      render(active.to(at::kDouble), 128, 128, linear(RendererKind::dense, PacketForm::activated));
  const auto error = [&](double cutoff) {
    auto options = linear(RendererKind::matrix, PacketForm::activated);
    options.cutoff = cutoff;
    return (render(active, 128, 128, options).to(at::kDouble) - truth).abs().max().item<double>();
  };
  EXPECT_LE(error(1e-7), 2e-6);
  const double coarse = error(1e-2);
  EXPECT_GT(coarse, 1e-4);
  // No pixel can lose more than the cutoff times the coefficients of all packets.
  EXPECT_LE(coarse, 1e-2 * active.slice(2, packet::kCoefficients).abs().sum().item<double>());
  EXPECT_THROW(error(0), UsageError);
  EXPECT_THROW(error(0.5), UsageError);
  EXPECT_THROW(error(std::nan("")), UsageError);
}

TEST(Renderer, ThreadsShareOnePictureAndManyAlike) {
  const RendererCase one{"", 3, 200, 3, 50, 70};
  const auto raw = raw_packets(one);
  const int before = at::get_num_threads();
  std::vector<at::Tensor> pictures, gradients;
  for (const int threads : {1, 2, 5}) {
    at::set_num_threads(threads);
    auto packets = raw.clone().requires_grad_(true);
    const auto picture = render(packets, 50, 70, {.renderer = RendererKind::matrix});
    picture.square().sum().backward();
    pictures.push_back(picture.detach());
    gradients.push_back(packets.grad());
  }
  at::set_num_threads(before);
  for (std::size_t i = 1; i < pictures.size(); ++i) {
    EXPECT_TRUE(at::allclose(pictures[i], pictures[0], 0, 1e-6));
    EXPECT_TRUE(at::allclose(gradients[i], gradients[0], 1e-4, 1e-4));
  }
}

TEST(Renderer, NamesNumbersThatAreNotFinite) {
  const auto message = [](double value, PacketForm form) -> std::string {
    auto packets = at::full({2, 40, 11}, 0.5, at::kFloat);
    packets[1][33][4] = value;
    try {
      render(packets, 16, 16, {.form = form, .renderer = RendererKind::matrix});
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  for (const auto form : {PacketForm::raw, PacketForm::activated}) {
    EXPECT_EQ(message(std::nan(""), form),
              "packets: expected finite numbers, got nan as number 4 of packet 33 of picture 1");
    EXPECT_EQ(message(-INFINITY, form),
              "packets: expected finite numbers, got -inf as number 4 of packet 33 of picture 1");
  }
  auto flat = at::full({1, 3, 11}, 0.5, at::kFloat);
  flat[0][2][packet::kWidth] = 0;
  EXPECT_THROW(render(flat, 8, 8, {.form = PacketForm::activated}), UsageError);
}

/// Far outside the frame a packet draws nothing and moves nothing.
TEST(Renderer, PacketsBeyondTheFrame) {
  auto active = at::full({1, 2, 11}, 0.3, at::kFloat);
  active.select(2, packet::kX) = 40;
  active.select(2, packet::kWidth) = 0.05;
  active.requires_grad_(true);
  const auto picture = render(active, 20, 20, linear(RendererKind::matrix, PacketForm::activated));
  picture.sum().backward();
  EXPECT_EQ(picture.abs().max().item<float>(), 0);
  EXPECT_EQ(active.grad().abs().max().item<float>(), 0);
}

/// Where the whole field stays within 1 the bound is absolute, highest frequency included.
TEST(Renderer, MatrixValuesOfAFieldWithinOne) {
  const RendererCase one{"", 4, 512, 3, 128, 128, 1.0, -3.0, 2.0};
  auto active = activate_packets(raw_packets(one));
  const auto truth = [&] {
    return render(active.to(at::kDouble), 128, 128,
                  linear(RendererKind::dense, PacketForm::activated));
  };
  active.slice(2, packet::kCoefficients) /= truth().abs().max().item<double>();
  const auto picture =
      render(active, 128, 128, linear(RendererKind::matrix, PacketForm::activated));
  EXPECT_LE((picture.to(at::kDouble) - truth()).abs().max().item<double>(), 1e-6);
}

TEST(Renderer, RawPacketsAreActivatedAsTheReferenceSays) {
  const RendererCase one{"", 2, 10, 3, 8, 8};
  const auto raw = raw_packets(one).to(at::kDouble);
  const auto active = activate_packets(raw);
  // 10 packets: a 4 x 4 grid, x slow, y fast, written out by hand.
  for (std::int64_t n = 0; n < 10; ++n) {
    const double x = 0.08 + 0.28 * static_cast<double>(n / 4);
    const double y = 0.08 + 0.28 * static_cast<double>(n % 4);
    const auto in = raw[1][n], out = active[1][n];
    const auto sigmoid = [](double value) { return 1 / (1 + std::exp(-value)); };
    const auto number = [](const at::Tensor& t, int i) { return t[i].item<double>(); };
    EXPECT_NEAR(number(out, 0), sigmoid(std::log(x / (1 - x)) + number(in, 0)), 1e-14);
    EXPECT_NEAR(number(out, 1), sigmoid(std::log(y / (1 - y)) + number(in, 1)), 1e-14);
    EXPECT_NEAR(number(out, 2), 0.012 + 0.14 * sigmoid(number(in, 2)), 1e-14);
    EXPECT_EQ(number(out, 3), number(in, 3));
    EXPECT_NEAR(number(out, 4), 1 + 15 * sigmoid(number(in, 4)), 1e-13);
    for (int i = 5; i < 11; ++i) EXPECT_NEAR(number(out, i), std::tanh(number(in, i)), 1e-14);
  }
}

/// Central differences in double of the whole raw -> picture map, each of the eleven numbers.
TEST(Renderer, GradientsOfAllElevenNumbersMatchFiniteDifferences) {
  const RendererCase one{"", 1, 6, 3, 14, 18};
  const auto start = raw_packets(one).to(at::kDouble);
  const auto generator = at::detail::createCPUGenerator(3);
  const auto weight = at::randn({1, 3, 14, 18}, generator, at::kDouble);
  const auto loss = [&](const at::Tensor& raw) {
    return (render(raw, 14, 18, {.renderer = RendererKind::dense}) * weight).sum();
  };
  auto raw = start.clone().requires_grad_(true);
  loss(raw).backward();
  auto in_float = start.to(at::kFloat).requires_grad_(true);
  (render(in_float, 14, 18, {.renderer = RendererKind::matrix}) * weight.to(at::kFloat))
      .sum()
      .backward();
  constexpr double kStep = 1e-5;
  for (std::int64_t n = 0; n < 6; ++n) {
    for (std::int64_t i = 0; i < 11; ++i) {
      const auto moved = [&](double by) {
        auto copy = start.clone();
        copy[0][n][i] += by;
        return loss(copy).item<double>();
      };
      const double difference = (moved(kStep) - moved(-kStep)) / (2 * kStep);
      EXPECT_NEAR(raw.grad()[0][n][i].item<double>(), difference, 1e-7) << n << ' ' << i;
      EXPECT_NEAR(in_float.grad()[0][n][i].item<double>(), difference, 2e-5) << n << ' ' << i;
    }
  }
}

TEST(Renderer, OddButLegalTensors) {
  const RendererCase one{"", 2, 20, 3, 16, 16};
  const auto raw = raw_packets(one);
  const auto expected = render(raw, 16, 16);
  const auto strided = raw.transpose(1, 2).contiguous().transpose(1, 2);
  EXPECT_TRUE(at::equal(render(strided, 16, 16), expected));
  const auto expanded = raw.narrow(0, 0, 1).expand({3, -1, -1});
  EXPECT_TRUE(at::equal(render(expanded, 16, 16)[2], expected[0]));
  auto part = raw.narrow(1, 5, 10).detach().requires_grad_(true);
  const auto joined = at::cat({raw.narrow(1, 0, 5), part, raw.narrow(1, 15, 5)}, 1);
  render(joined, 16, 16).sum().backward();
  EXPECT_GT(part.grad().abs().sum().item<double>(), 0);
}

TEST(Renderer, RefusesWhatItCannotDraw) {
  const auto good = at::zeros({1, 4, 11}, at::kFloat);
  EXPECT_THROW(render(at::zeros({4, 11}), 8, 8), UsageError);
  EXPECT_THROW(render(at::zeros({0, 4, 11}), 8, 8), UsageError);
  EXPECT_THROW(render(at::zeros({1, 0, 11}), 8, 8), UsageError);
  EXPECT_THROW(render(at::zeros({1, 4, 10}), 8, 8), UsageError);
  EXPECT_THROW(render(at::zeros({1, 4, 5}), 8, 8), UsageError);
  EXPECT_THROW(render(good, 0, 8), UsageError);
  EXPECT_THROW(render(good, 8, 1), UsageError);
  EXPECT_THROW(render(good, 8, std::numeric_limits<std::int64_t>::max()), UsageError);
  EXPECT_THROW(render(good.to(at::kHalf), 8, 8), UsageError);
  EXPECT_THROW(render(good.to(at::kDouble), 8, 8, {.renderer = RendererKind::matrix}), UsageError);
  // Packets on the CPU, or a build without CUDA.
  EXPECT_THROW(render(good, 8, 8, {.renderer = RendererKind::cuda}), UsageError);
  EXPECT_EQ(renderer_from_name("cuda"), RendererKind::cuda);
  EXPECT_THROW(render(at::Tensor(), 8, 8), UsageError);
  EXPECT_THROW(renderer_from_name("fast"), UsageError);
}

}  // namespace
}  // namespace neurosplat
