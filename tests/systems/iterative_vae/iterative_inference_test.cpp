// Online inference: fused against the tensor-by-tensor steps in double precision with the same
// noise, its state, its guard and what it refuses.
#include "neurosplat/systems/iterative_vae/iterative_inference.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/counted_noise.h"
#include "systems/iterative_vae/free_energy.h"
#include "systems/iterative_vae/loop/unrolled.h"
#include "systems/iterative_vae/planted_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPictures = 51, kPixels = 48, kLatents = 64;

IterativeVaeArchitecture sizes_of(const std::string& model,
                                  const std::string& activation = "identity",
                                  const std::string& decoder = "lin") {
  return {.model = model,
          .activation = activation,
          .decoder = decoder,
          .pixels = kPixels,
          .latents = kLatents};
}

at::Tensor pictures(std::uint64_t seed) {
  return at::randn({kPictures, kPixels}, at::detail::createCPUGenerator(seed), at::kFloat);
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() /
         (1e-12 + other.norm().item<double>());
}

/// The streams of online samples: key of (seed, sample << 24 + row).
class OnlineNoise : public testing::CountedNoise {
 public:
  using CountedNoise::CountedNoise;
  simd::RandomKey key(std::int64_t row, std::int64_t sample) const override {
    return simd::random_key(settings().seed, (static_cast<std::uint64_t>(sample) << 24) +
                                                 static_cast<std::uint64_t>(row));
  }
};

struct Variant {
  std::string model, activation;
  std::int64_t inner;
};

class Online : public ::testing::TestWithParam<Variant> {};

TEST_P(Online, FusedStepsAreThoseOfTensors) {
  const auto& [kind, activation, inner] = GetParam();
  const auto model = testing::planted_model(sizes_of(kind, activation));
  auto exact = testing::planted_model(sizes_of(kind, activation));
  exact.to(at::kCPU, at::kDouble);
  InferenceOptions options;
  options.inner = inner;
  options.beta_inner = 0.6;
  options.seed = 21;
  IterativeInference inference(model, kPictures, options);

  const at::NoGradGuard no_gradient;
  ivae::LoopSettings settings;
  settings.seed = options.seed;
  settings.beta_inner = options.beta_inner;
  OnlineNoise noise(settings);
  const ivae::Unrolled unrolled(exact, settings, noise);
  InferenceState state;
  for (const auto& initial : exact.initial()) state.push_back(initial.expand({kPictures, -1}));
  std::int64_t sample = 0;
  auto drawn = unrolled.draw(state, 0, sample++);
  for (std::uint64_t frame = 0; frame < 4; ++frame) {
    const auto x = pictures(frame / 2);  // the scene changes in between
    inference.step(x);
    const auto prior = state;
    for (std::int64_t i = 0; i < inner; ++i) {
      state = unrolled.iterate(x.to(at::kDouble), state, prior, drawn);
      drawn = unrolled.draw(state, 0, sample++);
    }
    for (std::size_t i = 0; i < state.size(); ++i) {
      EXPECT_LT(distance(inference.state()[i], state[i]), 1e-5);
    }
    EXPECT_LT(distance(inference.activity(), drawn.activity), 1e-5);
    EXPECT_LT(distance(inference.reconstruction(), drawn.expected), 1e-5);
    EXPECT_NEAR(inference.last_change(), (state[0] - prior[0]).norm(2, 1).mean().item<double>(),
                1e-4 * inference.last_change());
  }
  EXPECT_EQ(inference.steps(), 4);
  const auto mean = kind == "poisson" ? at::exp(state[0]) : exact.activity(state[0]);
  EXPECT_LT(distance(inference.mean_reconstruction(), exact.decode(mean)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(All, Online,
                         ::testing::Values(Variant{"poisson", "identity", 1},
                                           Variant{"poisson", "identity", 3},
                                           Variant{"gaussian", "identity", 1},
                                           Variant{"gaussian", "relu", 2}),
                         [](const auto& tested) {
                           return tested.param.model + "_" + tested.param.activation + "_" +
                                  std::to_string(tested.param.inner);
                         });

TEST(IterativeInference, GoesOnFromItsStateAndForgetsIt) {
  const auto model = testing::planted_model(sizes_of("poisson"));
  IterativeInference inference(model, kPictures);
  const auto start = inference.state()[0].clone();
  EXPECT_EQ(inference.last_change(), 0);
  inference.step(pictures(0));
  const auto first = inference.state()[0].clone();
  inference.step(pictures(0));
  EXPECT_GT((inference.state()[0] - first).abs().max().item<double>(), 1e-3);
  inference.reset();
  EXPECT_TRUE(inference.state()[0].equal(start));
  EXPECT_EQ(inference.steps(), 0);
}

TEST(IterativeInference, TheSameSeedGivesTheSameSpikes) {
  const auto model = testing::planted_model(sizes_of("poisson"));
  InferenceOptions other;
  other.seed = 1;
  IterativeInference one(model, kPictures), same(model, kPictures),
      different(model, kPictures, other);
  for (int i = 0; i < 3; ++i) {
    for (auto* inference : {&one, &same, &different}) inference->step(pictures(0));
  }
  EXPECT_TRUE(one.activity().equal(same.activity()));
  EXPECT_FALSE(one.activity().equal(different.activity()));
}

/// Hard counts of 400,000 samples: mean and variance are the rate, within 4 standard deviations.
TEST(IterativeInference, CountsArePoisson) {
  auto sizes = sizes_of("poisson");
  const IterativeVae model(sizes, 1);
  auto weights = model.state();
  std::map<std::string, at::Tensor> planted;
  for (const auto& [name, tensor] : weights) planted[name] = tensor.detach().clone();
  planted["decoder.weight"] = at::zeros({kPixels, kLatents});
  const double rate = 1.7;
  planted["prior.log_rate"] = at::full({kLatents}, std::log(rate));
  model.load_state(planted);
  InferenceOptions options;
  options.seed = 4;
  const std::int64_t rows = 6250;
  const IterativeInference inference(model, rows, options);
  const auto counts = inference.activity().to(at::kDouble).flatten();
  const double n = static_cast<double>(counts.numel());
  EXPECT_NEAR(counts.mean().item<double>(), rate, 4 * std::sqrt(rate / n));
  EXPECT_NEAR(counts.var().item<double>(), rate, 4 * std::sqrt((rate + 2 * rate * rate) / n));
  EXPECT_NEAR(counts.eq(0).to(at::kDouble).mean().item<double>(), std::exp(-rate),
              4 * std::sqrt(std::exp(-rate) / n));
}

/// The closed form against the mean over samples; 20,000 samples, within 4 standard errors.
TEST(FreeEnergy, IsTheMeanOverSamples) {
  for (const auto& [kind, activation] :
       {std::pair{"poisson", "identity"}, {"gaussian", "identity"}, {"gaussian", "relu"}}) {
    auto model = testing::planted_model(sizes_of(kind, activation));
    const at::NoGradGuard no_gradient;
    InferenceState state;
    for (const auto& initial : model.initial()) state.push_back(initial.expand({1, -1}) + 0.1);
    const auto x = pictures(3).narrow(0, 0, 1);
    const auto closed = ivae::FreeEnergy(model).of(x, state, state).item<double>();
    ivae::LoopSettings settings;
    const auto noise = ivae::random_noise(x.options(), 8);
    const ivae::Unrolled unrolled(model, settings, *noise);
    InferenceState many;
    for (const auto& tensor : state) many.push_back(tensor.expand({20000, -1}));
    const auto drawn = unrolled.draw(many, 0, 0);
    const auto sampled =
        0.5 * at::matmul((x - drawn.expected).square(), model.scale().pow(-2)).to(at::kDouble);
    const double error = sampled.std().item<double>() / std::sqrt(20000.0);
    EXPECT_NEAR(closed, sampled.mean().item<double>(), 4 * error) << kind << activation;
  }
}

/// Without the guard, steps of e^1 overshoot; with it no picture's free energy rises.
TEST(IterativeInference, AGuardLetsTheFreeEnergyOnlyFall) {
  for (const auto& [kind, activation] :
       {std::pair{"poisson", "identity"}, {"gaussian", "identity"}, {"gaussian", "relu"}}) {
    const auto model = testing::planted_model(sizes_of(kind, activation));
    const ivae::FreeEnergy energy(model);
    const auto x = pictures(5);
    InferenceOptions options;
    options.guard = true;
    IterativeInference guarded(model, kPictures, options);
    double refused = 0;
    for (int i = 0; i < 12; ++i) {
      InferenceState before;
      for (const auto& tensor : guarded.state()) before.push_back(tensor.clone());
      guarded.step(x);
      const auto rise = energy.of(x, guarded.state(), before) - energy.of(x, before, before);
      EXPECT_LE(rise.max().item<double>(), 0) << kind << activation;
      const auto moved = (guarded.state()[0] - before[0]).abs().amax(1).gt(0);
      EXPECT_NEAR(guarded.accepted(), moved.to(at::kDouble).mean().item<double>(), 1e-9);
      refused += 1 - guarded.accepted();
    }
    EXPECT_GT(refused, 0) << kind << activation;
  }
}

TEST(IterativeInference, OtherDecodersGoThroughTensors) {
  for (const auto* decoder : {"mlp", "conv"}) {
    auto sizes = sizes_of("gaussian", "softplus", decoder);
    sizes.pixels = 64;
    const IterativeVae model(sizes, 2);
    IterativeInference inference(model, 3);
    const auto x = at::rand({3, 64}, at::detail::createCPUGenerator(1), at::kFloat);
    inference.step(x);
    EXPECT_GT(inference.last_change(), 0);
    EXPECT_EQ(inference.reconstruction().sizes(), at::IntArrayRef({3, 64}));
  }
}

TEST(IterativeInference, RefusesWhatItCannotInfer) {
  const auto model = testing::planted_model(sizes_of("poisson"));
  IterativeInference inference(model, 2);
  EXPECT_THROW(inference.step(at::zeros({2, kPixels + 1})), Error);
  EXPECT_THROW(inference.step(at::zeros({3, kPixels})), Error);
  EXPECT_THROW(inference.step(at::zeros({2, kPixels}, at::kDouble)), Error);
  auto broken = at::zeros({2, kPixels});
  broken[1][3] = std::numeric_limits<float>::quiet_NaN();
  const auto before = inference.state()[0].clone();
  EXPECT_THROW(inference.step(broken), Error);
  EXPECT_TRUE(inference.state()[0].equal(before));
  EXPECT_THROW(IterativeInference(model, 0), UsageError);
  InferenceOptions options;
  options.inner = 0;
  EXPECT_THROW(IterativeInference(model, 1, options), UsageError);
  options.inner = 1;
  options.guard = true;
  EXPECT_THROW(IterativeInference(IterativeVae(sizes_of("gaussian", "tanh")), 1, options),
               UsageError);
}

}  // namespace
}  // namespace neurosplat
