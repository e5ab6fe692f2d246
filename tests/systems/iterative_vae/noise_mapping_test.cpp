#include "neurosplat/systems/iterative_vae/noise_mapping.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

NoiseMapping short_mapping() {
  return {.lags = 12, .warm_up = 8, .trials = 6, .batch = 200, .frames = 50, .neurons = 0};
}

/// The Gabors are hardly seen by one another.
IterativeVae three_neurons() {
  auto columns = testing::columns_of(
      {testing::striped_at(0.0), testing::striped_at(90.0), testing::striped_at(45.0)});
  columns.select(1, 2).mul_(0.1);
  return testing::planted(columns);
}

// Drives are linear in the frame, and rates grow with them: the mean frame before a spike is the
// column (Chichilnisky 2001), up to noise of about 1/sqrt(spikes) a pixel.
TEST(NoiseMapping, FindsTheColumns) {
  const auto map = map_with_noise(three_neurons(), short_mapping());
  ASSERT_EQ(map.average.sizes(), at::IntArrayRef({3, 12, 256}));
  for (std::int64_t place = 0; place < 3; ++place) {
    if (map.neurons[place].item<std::int64_t>() == 2) continue;  // too weak to be seen
    EXPECT_GT(map.correlation[place].item<double>(), 0.8) << place;
    EXPECT_LE(map.peak_lag[place].item<std::int64_t>(), 2) << place;
  }
}

TEST(NoiseMapping, TakesTheMostActive) {
  auto mapping = short_mapping();
  mapping.neurons = 2;
  const auto map = map_with_noise(three_neurons(), mapping);
  ASSERT_EQ(map.neurons.numel(), 2);
  EXPECT_EQ(std::get<0>(map.neurons.sort())[1].item<std::int64_t>(), 1);
  EXPECT_TRUE(map.spikes.gt(0).all().item<bool>());
}

TEST(NoiseMapping, HasNoAverageOfANeuronWithoutSpikes) {
  const auto columns = testing::columns_of({testing::striped_at(0.0), testing::striped_at(90.0)});
  const auto silent = at::tensor({-2.0F, -80.0F}), still = at::tensor({-3.0F, 3.0F});
  const auto map =
      map_with_noise(testing::planted(columns, {{"prior.log_rate", silent}, {"log_bias", still}}),
                     {.lags = 2, .warm_up = 0, .trials = 1, .batch = 1, .frames = 3, .neurons = 0});
  ASSERT_EQ(map.neurons[1].item<std::int64_t>(), 1);
  EXPECT_EQ(map.spikes[1].item<double>(), 0.0);
  EXPECT_EQ(map.peak_lag[1].item<std::int64_t>(), -1);
  EXPECT_TRUE(std::isnan(map.correlation[1].item<double>()));
}

TEST(NoiseMapping, RefusesWhatCannotBe) {
  const auto model = three_neurons();
  const auto refused = [&](auto&& change) {
    auto mapping = short_mapping();
    change(mapping);
    EXPECT_THROW(map_with_noise(model, mapping), UsageError);
  };
  refused([](NoiseMapping& m) { m.lags = 0; });
  refused([](NoiseMapping& m) { m.frames = 11; });
  refused([](NoiseMapping& m) { m.warm_up = 50; });
  refused([](NoiseMapping& m) { m.trials = 0; });
  refused([](NoiseMapping& m) { m.neurons = 4; });
  refused([](NoiseMapping& m) { m.contrast = 0; });
  refused([](NoiseMapping& m) { m.contrast = NAN; });
  // 100,000 sequences of 10,000 frames of 256 numbers are a terabyte.
  refused([](NoiseMapping& m) { m.lags = 10'000, m.batch = 100'000, m.frames = 20'000; });
  EXPECT_THROW(map_with_noise(IterativeVae({.model = "gaussian", .latents = 4}), short_mapping()),
               UsageError);
  EXPECT_THROW(map_with_noise(IterativeVae({.decoder = "mlp", .latents = 4}), short_mapping()),
               UsageError);
}

}  // namespace
}  // namespace neurosplat
