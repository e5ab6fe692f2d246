#include "neurosplat/systems/splat_vae/splat_vae.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

TEST(SplatVae, HasTheReferencesParameterCount) {
  EXPECT_EQ(SplatVae({.image_size = 128, .packets = 512, .latent = 128}).parameter_count(),
            8'105'120);
}

TEST(SplatVae, UsesTheReferencesNames) {
  const auto state = SplatVae({.image_size = 32, .packets = 16, .latent = 8}).state();
  for (const char* name :
       {"enc.conv.0.weight", "enc.conv.1.running_var", "enc.conv.7.num_batches_tracked",
        "enc.conv.6.bias", "enc.fc_mu.weight", "enc.fc_lv.bias", "dec.net.0.weight",
        "dec.net.2.bias", "dec.net.4.weight"}) {
    EXPECT_TRUE(state.contains(name)) << name;
  }
  EXPECT_EQ(state.size(), 3 * 7 + 4 + 6);
  EXPECT_EQ(state.at("enc.conv.6.weight").sizes(), at::IntArrayRef({128, 64, 4, 4}));
}

TEST(SplatVae, InitialisationIsTheReferences) {
  const SplatVae model({.image_size = 32, .packets = 64, .latent = 16}, 3);
  const auto state = model.state();
  const double hidden = 1 / std::sqrt(512.0);
  EXPECT_NEAR(state.at("dec.net.2.weight").abs().max().item<double>(), hidden, 1e-4 * hidden);
  EXPECT_NEAR(state.at("dec.net.4.weight").abs().max().item<double>(), 0.1 * hidden, 1e-3 * hidden);
  EXPECT_EQ(state.at("dec.net.4.bias").abs().max().item<double>(), 0);
  EXPECT_NEAR(state.at("enc.conv.3.weight").abs().max().item<double>(), 1 / std::sqrt(32.0 * 16),
              1e-4);
}

TEST(SplatVae, SeedDecidesTheWeights) {
  const SplatVaeArchitecture small{.image_size = 16, .packets = 4, .latent = 4};
  const auto weight = [&](std::uint64_t seed) {
    return SplatVae(small, seed).state().at("enc.conv.0.weight");
  };
  EXPECT_TRUE(at::equal(weight(1), weight(1)));
  EXPECT_FALSE(at::equal(weight(1), weight(2)));
}

TEST(SplatVae, RoundTripThroughItsState) {
  const SplatVaeArchitecture small{.image_size = 16, .packets = 9, .latent = 5};
  const SplatVae one(small, 1), other(small, 2);
  EXPECT_EQ(infer_architecture(one.state()), small);
  other.load_state(one.state());
  one.train(false);
  other.train(false);
  const auto pictures = at::rand({2, 3, 16, 16}, at::detail::createCPUGenerator(4), at::kFloat);
  EXPECT_TRUE(at::equal(one.reconstruct(pictures), other.reconstruct(pictures)));
}

// The same network with every tensor laid out plainly, channel after channel.
TEST(SplatVae, ChannelsLastEncoderAgreesWithThePlainOne) {
  const SplatVae model({.image_size = 32, .packets = 9, .latent = 7}, 1);
  const auto pictures = at::rand({4, 3, 32, 32}, at::detail::createCPUGenerator(4), at::kFloat);
  auto state = model.state();
  for (auto& [name, tensor] : state) tensor = tensor.detach().contiguous();
  auto plain = pictures;
  for (int layer = 0; layer < 9; layer += 3) {
    const auto of = [&](int index, const char* what) {
      return state.at("enc.conv." + std::to_string(index) + "." + what);
    };
    plain = at::conv2d(plain, of(layer, "weight"), of(layer, "bias"), 2, 1);
    plain = at::batch_norm(plain, of(layer + 1, "weight"), of(layer + 1, "bias"), {}, {}, true, 0.1,
                           1e-5, false);
    plain = at::leaky_relu(plain, 0.2);
  }
  const auto mean =
      at::linear(plain.flatten(1), state.at("enc.fc_mu.weight"), state.at("enc.fc_mu.bias"));
  EXPECT_TRUE(state.at("enc.conv.3.weight").is_contiguous());
  EXPECT_TRUE(model.state().at("enc.conv.3.weight").is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT((model.encode(pictures).mean - mean).abs().max().item<double>(), 1e-5);
}

TEST(SplatVae, RefusesWeightsOfAnotherSize) {
  const SplatVae small({.image_size = 16, .packets = 9, .latent = 5});
  const SplatVae other({.image_size = 16, .packets = 8, .latent = 5});
  EXPECT_THROW(small.load_state(other.state()), Error);
  auto without = small.state();
  without.erase("dec.net.2.bias");
  EXPECT_THROW(small.load_state(without), Error);
  EXPECT_THROW(infer_architecture({}), Error);
  auto odd = small.state();
  odd["dec.net.4.bias"] = at::zeros({98});
  EXPECT_THROW(infer_architecture(odd), Error);
}

TEST(SplatVae, RefusesSizesThatCannotBe) {
  for (const std::int64_t size : {0L, -8L, 8L, 48L, 1L << 40}) {
    EXPECT_THROW(check({.image_size = size}), UsageError) << size;
  }
  EXPECT_THROW(check({.packets = 0}), UsageError);
  EXPECT_THROW(check({.latent = -1}), UsageError);
}

// 20,000 draws: the mean's error is below 4.9 standard errors with probability 1 - 1e-6.
TEST(SplatVae, SamplesFollowThePosterior) {
  const Posterior posterior{at::full({20000, 1}, 2.0), at::full({20000, 1}, std::log(0.25))};
  const auto drawn = sample(posterior, at::detail::createCPUGenerator(9));
  EXPECT_NEAR(drawn.mean().item<double>(), 2.0, 4.9 * 0.5 / std::sqrt(20000.0));
  EXPECT_NEAR(drawn.std().item<double>(), 0.5, 4.9 * 0.5 / std::sqrt(40000.0));
}

}  // namespace
}  // namespace neurosplat
