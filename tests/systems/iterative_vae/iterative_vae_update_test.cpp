// A step of training: schedules, arrivals, truncated back-propagation, saved state, shared samples.
#include "systems/iterative_vae/iterative_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/planted_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPixels = 16;

IterativeVaeConfig small(const std::string& model = "poisson") {
  IterativeVaeConfig config;
  config.model = model;
  config.n_latents = 32;
  config.t_train = 3;
  config.batch = 20;
  config.seed = 3;
  return config;
}

at::Tensor patches(std::int64_t count, std::uint64_t seed = 1) {
  return at::randn({count, kPixels}, at::detail::createCPUGenerator(seed), at::kFloat);
}

IterativeVaeUpdate update_of(const IterativeVaeConfig& config, std::int64_t batches = 100) {
  return {config, kPixels, batches, at::kCPU};
}

TEST(IterativeVaeSchedules, AreThePublishedOnes) {
  IterativeVaeConfig config;
  const auto at_share = [&](double share) { return annealed_at(config, share); };
  EXPECT_DOUBLE_EQ(at_share(0).beta, 1e-4);
  EXPECT_DOUBLE_EQ(at_share(0.0009).beta, 1e-4);
  EXPECT_NEAR(at_share(0.051).beta, 1e-4 + 0.5 * (24 - 1e-4), 1e-9);
  EXPECT_DOUBLE_EQ(at_share(0.2).beta, 24);
  EXPECT_NEAR(at_share(0.051).openness, 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(at_share(1.5).openness, 1);
  EXPECT_DOUBLE_EQ(at_share(0).temperature, 1);
  EXPECT_NEAR(at_share(0.25).temperature, 0.505, 1e-12);
  EXPECT_NEAR(at_share(0.7).temperature, 0.01, 1e-12);
  config.model = "gaussian";
  EXPECT_DOUBLE_EQ(config.full_beta(), 8);
  config.beta_outer = 3;
  EXPECT_DOUBLE_EQ(at_share(1).beta, 3);
}

TEST(IterativeVaeConfigCheck, RefusesWhatCannotBe) {
  const auto expect_refused = [](auto change) {
    auto config = small();
    change(config);
    EXPECT_THROW(check(config), UsageError);
  };
  EXPECT_NO_THROW(check(small()));
  expect_refused([](auto& config) { config.t_train = 0; });
  expect_refused([](auto& config) { config.n_latents = 0; });
  expect_refused([](auto& config) { config.beta_outer = -1; });
  expect_refused([](auto& config) { config.latent_act = "relu"; });
  expect_refused([](auto& config) { config.temp_stop = 2; });
  expect_refused([](auto& config) { config.lr_min = 1; });
  expect_refused([](auto& config) {
    config.loop = "fused";
    config.samples = "fresh";
  });
  expect_refused([](auto& config) {
    config.loop = "fused";
    config.n_latents = 33;
  });
}

TEST(IterativeVaeUpdate, WarmsUpAndFallsToTheLeastRate) {
  auto config = small();
  config.warmup_portion = 0.1;
  auto update = update_of(config, 40);
  std::vector<double> rates;
  for (int i = 0; i < 50; ++i) rates.push_back(figure(update.step(patches(20)), "lr"));
  EXPECT_NEAR(rates[0], config.lr / 4, 1e-12);
  EXPECT_NEAR(rates[3], config.lr, 1e-12);
  const double half = config.lr_min + (config.lr - config.lr_min) * 0.5;
  EXPECT_NEAR(rates[22], half, 1e-9);
  EXPECT_NEAR(rates[45], config.lr_min, 1e-12);
}

TEST(IterativeVaeUpdate, LowersItsLoss) {
  for (const auto& [model, activation] :
       {std::pair{"poisson", "identity"}, {"gaussian", "identity"}, {"gaussian", "relu"}}) {
    auto config = small(model);
    config.latent_act = activation;
    config.beta_outer = 0.5;
    config.kl_beta_min = 0.5;
    config.t_train = 8;
    auto update = update_of(config, 400);
    // Patches that a few columns explain.
    const auto columns = at::randn({4, kPixels}, at::detail::createCPUGenerator(5), at::kFloat);
    const auto x =
        at::matmul(at::rand({100, 4}, at::detail::createCPUGenerator(6), at::kFloat), columns);
    const double first = figure(update.step(x), "nelbo");
    double last = 0;
    for (int i = 0; i < 200; ++i) last = figure(update.step(x), "nelbo");
    EXPECT_LT(last, first - 5) << model << " " << activation;
  }
}

TEST(IterativeVaeUpdate, BoundsArrivalsByTheLargestRate) {
  auto config = small();
  config.warmup_portion = 0;
  auto update = update_of(config, 1000);
  const auto& state = update.model().state();
  {
    const auto planted = testing::planted_model(update.model().architecture());
    update.model().load_state(planted.state());
  }
  double largest = 0;
  Figures last;
  for (int i = 0; i < 200; ++i) {
    last = update.step(patches(20));
    largest = std::max(largest, figure(last, "largest_rate"));
  }
  // The 99.9 % quantile of Poisson at that rate, by its sum.
  int quantile = 0;
  for (double term = std::exp(-largest), sum = term; sum < 0.999; sum += term) {
    ++quantile;
    term *= largest / quantile;
  }
  EXPECT_EQ(figure(last, "arrivals"), quantile);
  EXPECT_NE(quantile, 10);
  EXPECT_EQ(state.size(), 5U);
}

TEST(IterativeVaeUpdate, GoesOnFromItsSavedState) {
  for (const auto* loop : {"fused", "eager"}) {
    auto config = small();
    config.loop = loop;
    auto whole = update_of(config), first = update_of(config);
    for (int i = 0; i < 6; ++i) whole.step(patches(20, static_cast<std::uint64_t>(i)));
    for (int i = 0; i < 3; ++i) first.step(patches(20, static_cast<std::uint64_t>(i)));
    TensorFile state;
    first.save(state);
    auto other = small();
    other.loop = loop;
    auto second = update_of(other);
    second.load(state);
    for (int i = 3; i < 6; ++i) second.step(patches(20, static_cast<std::uint64_t>(i)));
    for (const auto& [name, tensor] : whole.model().state()) {
      EXPECT_TRUE(tensor.equal(second.model().state().at(name))) << loop << " " << name;
    }
    state.tensors["arrivals.most"].fill_(-4);
    EXPECT_THROW(second.load(state), Error);
  }
}

TEST(IterativeVaeUpdate, RepeatsItsStepsOnAPicture) {
  auto config = small();
  config.n_iters_outer = 3;
  for (const auto* loop : {"fused", "eager"}) {
    config.loop = loop;
    auto update = update_of(config);
    const auto before = update.model().state().at("prior.log_rate").detach().clone();
    const auto terms = update.step(patches(20));
    TensorFile state;
    update.save(state);
    EXPECT_EQ(state.tensors.at("adamax.steps").item<std::int64_t>(), 3);
    EXPECT_FALSE(update.model().state().at("prior.log_rate").equal(before));
    EXPECT_TRUE(std::isfinite(figure(terms, "nelbo")));
  }
}

/// Adamax's first moment is .9 of the one before and .1 of the gradient: the learned prior has one
/// in the second round too, though the state is carried over as numbers.
TEST(IterativeVaeUpdate, ThePriorLearnsFromEveryRound) {
  auto config = small();
  config.weight_decay = 0;
  const auto moment = [&](std::int64_t rounds) {
    config.n_iters_outer = rounds;
    auto update = update_of(config);
    update.step(patches(20));
    TensorFile state;
    update.save(state);
    return state.tensors.at("adamax.first.prior.log_rate").clone();
  };
  const auto one = moment(1);
  const auto second_gradient = (moment(2) - 0.9 * one) / 0.1;
  EXPECT_GT(second_gradient.norm().item<double>(), 0.01 * (one / 0.1).norm().item<double>());
}

TEST(IterativeVaeUpdate, ALossThatIsNotFiniteLeavesTheWeights) {
  auto update = update_of(small());
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : update.model().state()) before[name] = tensor.detach().clone();
  auto broken = patches(20);
  broken[3][2] = NAN;
  EXPECT_THROW(update.step(broken), Error);
  for (const auto& [name, tensor] : update.model().state()) {
    EXPECT_TRUE(tensor.equal(before.at(name))) << name;
  }
}

/// The sample that scores a step may drive the next: the gradient's mean is that of fresh samples.
/// Means of 300 batches of 40 pictures each way, seeds fixed; within 4.5 standard errors.
TEST(SharedSamples, HaveTheMeanGradientOfFreshOnes) {
  const auto model = testing::planted_model({.pixels = kPixels, .latents = 32});
  const auto x = patches(40);
  const auto direction = at::randn({kPixels, 32}, at::detail::createCPUGenerator(9), at::kFloat);
  const auto gradients = [&](bool shared) {
    std::vector<at::Tensor> found;
    for (std::uint64_t batch = 0; batch < 300; ++batch) {
      ivae::LoopSettings settings;
      settings.frames = 4;
      settings.beta = 2;
      settings.shared_samples = shared;
      settings.counting = ivae::Counting::cubic;
      settings.temperature = 0.5;
      settings.most.assign(5, 12);
      settings.batch_number = batch;
      for (const auto& [name, tensor] : model.state()) tensor.mutable_grad() = at::Tensor();
      const InferenceState state{model.initial()[0].expand({40, -1})};
      const auto noise = ivae::random_noise(x.options(), 1000 + batch);
      const auto result = shared ? ivae::fused_loop(model, x, state, settings)
                                 : ivae::eager_loop(model, x, state, settings, *noise);
      result.loss.backward();
      const auto& weights = model.state();
      found.push_back(
          at::stack({(weights.at("decoder.weight").grad() * direction).sum(),
                     weights.at("log_step").grad().sum(), weights.at("prior.log_rate").grad().sum(),
                     weights.at("log_scale").grad().sum(), result.loss.detach()}));
    }
    return at::stack(found).to(at::kDouble);
  };
  const auto shared = gradients(true), fresh = gradients(false);
  const auto error = at::sqrt((shared.var(0) + fresh.var(0)) / 300.0);
  const auto away = ((shared.mean(0) - fresh.mean(0)) / error).abs();
  for (std::int64_t i = 0; i < away.numel(); ++i) EXPECT_LT(away[i].item<double>(), 4.5) << i;
}

}  // namespace
}  // namespace neurosplat
