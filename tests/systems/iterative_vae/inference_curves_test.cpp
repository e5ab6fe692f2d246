// Curves and ends of inference against the steps taken one by one and scored by hand.
#include "neurosplat/systems/iterative_vae/inference_curves.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "systems/iterative_vae/tiny_model.h"

namespace neurosplat {
namespace {

using testing::random_patches;
using testing::tiny_model;

constexpr std::int64_t kPixels = 16, kLatents = 24;

/// Mean over rows of 1 - squared error / spread, by loops.
double r2_by_hand(const at::Tensor& patches, const at::Tensor& shown) {
  const auto x = patches.to(at::kDouble).contiguous(), y = shown.to(at::kDouble).contiguous();
  const auto columns = x.size(1);
  const double *a = x.const_data_ptr<double>(), *b = y.const_data_ptr<double>();
  double sum = 0;
  for (std::int64_t row = 0; row < x.size(0); ++row, a += columns, b += columns) {
    double mean = 0, spread = 0, error = 0;
    for (std::int64_t i = 0; i < columns; ++i) mean += a[i] / static_cast<double>(columns);
    for (std::int64_t i = 0; i < columns; ++i) {
      spread += (a[i] - mean) * (a[i] - mean);
      error += (a[i] - b[i]) * (a[i] - b[i]);
    }
    sum += 1.0 - error / spread;
  }
  return sum / static_cast<double>(x.size(0));
}

/// 1 - errors of all over spreads of all.
double pooled_by_hand(const at::Tensor& patches, const at::Tensor& shown) {
  const auto x = patches.to(at::kDouble), y = shown.to(at::kDouble);
  double spread = 0;
  for (const auto& row : x.unbind()) spread += row.var(/*unbiased=*/false).item<double>();
  const double error = (x - y).square().sum().item<double>();
  return 1 - error / (spread * static_cast<double>(x.size(1)));
}

struct Kind {
  const char *latents, *activation;
};
constexpr Kind kKinds[] = {{"poisson", "identity"}, {"gaussian", "identity"}, {"gaussian", "relu"}};

IterativeVae model_of(const Kind& kind) {
  return tiny_model(kind.latents, kind.activation, kPixels, kLatents, 3);
}

TEST(InferenceCurves, AreTheScoresOfEveryStep) {
  const auto patches = random_patches(9, kPixels, 1);
  for (const auto& kind : kKinds) {
    SCOPED_TRACE(std::string(kind.latents) + " " + kind.activation);
    const auto model = model_of(kind);
    const auto curves = inference_curves(
        model, patches, {.steps = 6, .block = 9, .inner = 2, .beta_inner = 0.5, .seed = 4});
    ASSERT_EQ(curves.r2.size(), 6U);
    IterativeInference inference(model, 9, {.inner = 2, .beta_inner = 0.5, .seed = 4});
    for (std::size_t step = 0; step < 6; ++step) {
      const auto before = inference.state().front().to(at::kDouble);
      inference.step(patches);
      const auto moved = (inference.state().front() - before).square().sum(1).sqrt().mean();
      EXPECT_NEAR(curves.r2[step], r2_by_hand(patches, inference.reconstruction()), 1e-12);
      EXPECT_NEAR(curves.pooled_r2[step], pooled_by_hand(patches, inference.reconstruction()),
                  1e-12);
      EXPECT_NEAR(curves.zeros[step],
                  (inference.activity() == 0).to(at::kDouble).mean().item<double>(), 1e-12);
      EXPECT_NEAR(curves.du_norm[step], moved.item<double>(), 1e-5);
    }
  }
}

TEST(InferenceCurves, EndIsTheLastOfTheSteps) {
  const auto patches = random_patches(8, kPixels, 1);
  for (const auto& kind : kKinds) {
    SCOPED_TRACE(std::string(kind.latents) + " " + kind.activation);
    const auto model = model_of(kind);
    const MeasuredRun run{.steps = 5, .block = 8, .seed = 2};
    const auto curves = inference_curves(model, patches, run);
    const auto end = inference_end(model, patches, run);
    EXPECT_EQ(end.r2, curves.r2.back());
    EXPECT_EQ(end.zeros, curves.zeros.back());
    IterativeInference inference(model, 8, {.seed = 2});
    for (int step = 0; step < 5; ++step) inference.step(patches);
    const auto first = inference.state().front();
    auto rates = model.architecture().poisson() ? at::exp(first) : first;
    if (model.architecture().has_gain()) {
      rates = model.state().at("log_gain").exp() * at::relu(first);
    }
    EXPECT_TRUE(at::allclose(end.rates, rates, 1e-5, 1e-6));
    EXPECT_TRUE(at::equal(end.reconstructions, inference.reconstruction()));
    const auto weight = model.state().at("decoder.weight").detach();
    EXPECT_NEAR(end.mean_r2, r2_by_hand(patches, at::matmul(rates, weight.t()).detach()), 1e-4);
    const auto errors = (patches.to(at::kDouble) - inference.reconstruction()).square().sum(1);
    EXPECT_NEAR(end.squared_error, errors.mean().item<double>(), 1e-9);
  }
}

// A decoder of zeros explains less than nothing, exactly known, whatever the noise: a patch counts
// the same in a block of four and in one of one.
TEST(InferenceCurves, PatchesOfUnequalBlocksCountAlike) {
  const auto patches = random_patches(9, kPixels, 5) + at::arange(9).view({9, 1}) / 4.0;
  const auto model = tiny_model("poisson", "identity", kPixels, kLatents, 3, 0.0);
  const double wanted = r2_by_hand(patches, at::zeros_like(patches));
  for (const std::int64_t block : {1, 4, 9, 50}) {
    std::int64_t told = 0;
    MeasuredRun run{.steps = 3, .block = block};
    run.stepped = [&](std::int64_t done) { EXPECT_EQ(done, ++told); };
    const auto curves = inference_curves(model, patches, run);
    EXPECT_EQ(told, run.steps_in_all(9));
    for (const double r2 : curves.r2) EXPECT_NEAR(r2, wanted, 1e-9) << block;
    run.stepped = {};
    const auto end = inference_end(model, patches, run);
    EXPECT_NEAR(end.mean_r2, wanted, 1e-9) << block;
    EXPECT_NEAR(end.squared_error, patches.to(at::kDouble).square().sum(1).mean().item<double>(),
                1e-5);
    EXPECT_EQ(end.rates.size(0), 9);
  }
}

TEST(InferenceCurves, NoiseIsOfTheSeedAndOfTheBlock) {
  const auto model = model_of(kKinds[0]);
  const auto patches = random_patches(1, kPixels, 1).expand({6, kPixels});
  const MeasuredRun run{.steps = 4, .block = 3, .seed = 2};
  const auto once = inference_end(model, patches, run).reconstructions;
  EXPECT_TRUE(at::equal(once, inference_end(model, patches, run).reconstructions));
  EXPECT_FALSE(at::equal(once.slice(0, 0, 3), once.slice(0, 3, 6)));
  auto other = run;
  other.seed = 3;
  const auto twice = inference_end(model, patches, other).reconstructions;
  EXPECT_FALSE(at::equal(once, twice));
  // Neighbouring seeds do not share the noise of neighbouring blocks.
  EXPECT_FALSE(at::equal(once.slice(0, 3, 6), twice.slice(0, 0, 3)));
}

TEST(InferenceCurves, RefuseWhatCannotBe) {
  const auto model = model_of(kKinds[0]);
  const auto patches = random_patches(4, kPixels, 1);
  EXPECT_THROW(inference_curves(model, patches, {.steps = 0}), UsageError);
  EXPECT_THROW(inference_curves(model, patches, {.block = 0}), UsageError);
  EXPECT_THROW(inference_curves(model, patches.slice(0, 0, 0), {}), UsageError);
  EXPECT_THROW(inference_end(model, random_patches(4, 25, 1), {}), UsageError);
  auto flat = patches.clone();
  flat[2].fill_(0.3);
  EXPECT_THROW(inference_end(model, flat, {}), UsageError);
  EXPECT_TRUE(at::equal(has_contrast(flat), at::tensor({1, 1, 0, 1}).to(at::kBool)));
}

}  // namespace
}  // namespace neurosplat
