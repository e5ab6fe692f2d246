// The fused loop against the eager one in double precision with the same noise, and the eager one's
// parts against closed forms and finite differences.
#include "systems/iterative_vae/loop/loop.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "systems/iterative_vae/counted_noise.h"
#include "systems/iterative_vae/planted_model.h"

namespace neurosplat {
namespace {

using ivae::Counting;
using ivae::LoopSettings;

constexpr std::int64_t kPictures = 53, kPixels = 48, kLatents = 64;

struct Case {
  std::string name;
  IterativeVaeArchitecture sizes;
  LoopSettings settings;
};

LoopSettings settings_of(std::int64_t frames, std::int64_t inner, Counting counting) {
  LoopSettings settings;
  settings.frames = frames;
  settings.inner = inner;
  settings.beta = 3;
  settings.beta_inner = 0.7;
  settings.counting = counting;
  settings.temperature = 0.3;
  settings.openness = 0.4;
  settings.seed = 5;
  settings.batch_number = 7;
  settings.most.assign(static_cast<std::size_t>(settings.samples()), 12);
  return settings;
}

std::vector<Case> cases() {
  const auto sizes = [](const std::string& model, const std::string& activation) {
    return IterativeVaeArchitecture{
        .model = model, .activation = activation, .pixels = kPixels, .latents = kLatents};
  };
  auto exact = settings_of(3, 1, Counting::cubic);
  exact.exact_kl = true;
  auto few = settings_of(4, 1, Counting::sigmoid);
  few.most = {1, 2, 3, 4, 5};
  auto exact_inner = settings_of(2, 3, Counting::sigmoid);
  exact_inner.exact_kl = true;
  return {{"poisson", sizes("poisson", "identity"), settings_of(4, 1, Counting::sigmoid)},
          {"poisson-few", sizes("poisson", "identity"), few},
          {"poisson-inner", sizes("poisson", "identity"), settings_of(2, 3, Counting::cubic)},
          {"poisson-exact", sizes("poisson", "identity"), exact},
          {"poisson-exact-inner", sizes("poisson", "identity"), exact_inner},
          {"gaussian", sizes("gaussian", "identity"), settings_of(4, 1, Counting::hard)},
          {"gaussian-inner", sizes("gaussian", "identity"), settings_of(2, 3, Counting::hard)},
          {"relu", sizes("gaussian", "relu"), settings_of(4, 1, Counting::hard)},
          {"relu-inner", sizes("gaussian", "relu"), settings_of(3, 2, Counting::hard)}};
}

struct Outcome {
  ivae::LoopResult result;
  std::map<std::string, at::Tensor> gradients;
};

Outcome run(const IterativeVae& model, const at::Tensor& x, const LoopSettings& settings,
            bool fused) {
  InferenceState state;
  for (const auto& initial : model.initial()) state.push_back(initial.expand({x.size(0), -1}));
  testing::CountedNoise noise(settings);
  Outcome outcome;
  outcome.result = fused ? ivae::fused_loop(model, x, state, settings)
                         : ivae::eager_loop(model, x, state, settings, noise);
  outcome.result.loss.backward();
  for (const auto& [name, tensor] : model.state()) outcome.gradients[name] = tensor.grad();
  return outcome;
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() /
         (1e-12 + other.norm().item<double>());
}

class Loops : public ::testing::TestWithParam<Case> {};

TEST_P(Loops, AgreeInLossAndGradients) {
  const auto& [name, sizes, settings] = GetParam();
  const auto model = testing::planted_model(sizes);
  auto exact = testing::planted_model(sizes);
  exact.to(at::kCPU, at::kDouble);
  const auto x = at::randn({kPictures, kPixels}, at::detail::createCPUGenerator(2), at::kFloat);
  const auto fused = run(model, x, settings, true);
  const auto eager = run(exact, x.to(at::kDouble), settings, false);
  EXPECT_NEAR(fused.result.loss.item<double>() / eager.result.loss.item<double>(), 1, 1e-5);
  for (std::size_t t = 0; t < eager.result.nll_by_frame.size(); ++t) {
    EXPECT_NEAR(fused.result.nll_by_frame[t] / eager.result.nll_by_frame[t], 1, 1e-5);
    EXPECT_NEAR(fused.result.kl_by_frame[t] / eager.result.kl_by_frame[t], 1, 1e-4);
  }
  for (std::size_t i = 0; i < eager.result.state.size(); ++i) {
    EXPECT_LT(distance(fused.result.state[i], eager.result.state[i]), 1e-5);
  }
  for (const auto& [weight, gradient] : eager.gradients) {
    ASSERT_TRUE(gradient.defined()) << weight;
    ASSERT_TRUE(fused.gradients.at(weight).defined()) << weight;
    EXPECT_GT(gradient.norm().item<double>(), 0) << weight;
    EXPECT_LT(distance(fused.gradients.at(weight), gradient), 2e-5) << weight;
  }
  for (std::size_t j = 0; j < eager.result.largest_log_rate.size(); ++j) {
    EXPECT_NEAR(fused.result.largest_log_rate[j], eager.result.largest_log_rate[j], 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Loops, ::testing::ValuesIn(cases()), [](const auto& tested) {
  auto name = tested.param.name;
  for (auto& letter : name) letter = letter == '-' ? '_' : letter;
  return name;
});

}  // namespace
}  // namespace neurosplat
