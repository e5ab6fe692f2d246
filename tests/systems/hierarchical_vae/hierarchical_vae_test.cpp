#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"
#include "support/temporary_folder.h"
#include "systems/hierarchical_vae/hierarchical_scores.h"
#include "systems/hierarchical_vae/likelihood.h"

namespace neurosplat {
namespace {

HierarchicalVaeArchitecture tiny() {
  return {.image_size = 32,
          .width = 8,
          .latent_channels = 2,
          .blocks = {1, 2, 1, 1, 2},
          .encoder_blocks = {1, 1, 0, 1, 1}};
}

at::Generator seeded(std::uint64_t seed) {
  return at::detail::createCPUGenerator(seed);
}

at::Tensor some_pictures(std::int64_t count) {
  return at::rand({count, 3, 32, 32}, seeded(11));
}

/// Weights as after some training: none is zero.
HierarchicalVae trained() {
  const at::NoGradGuard no_gradient;
  HierarchicalVae model(tiny(), 2);
  const auto generator = seeded(3);
  for (const auto& [name, tensor] : model.state()) {
    tensor.add_(0.1 * at::randn(tensor.sizes(), generator, at::kFloat));
  }
  return model;
}

std::vector<at::Tensor> first_of(const std::vector<at::Tensor>& latents, std::ptrdiff_t count) {
  return {latents.begin(), latents.begin() + count};
}

TEST(DiscretisedLogistic, SumsToOne) {
  const auto values = (at::arange(256, at::kDouble) / 255).view({1, 256});
  const auto mean = at::tensor({-3.0, -1.0, -0.2, 0.37, 0.99, 2.0}, at::kDouble).view({-1, 1});
  for (const double log_scale : {-7.0, -4.0, -1.0, 2.0}) {
    const auto nats = discretised_logistic_nats(values, mean, at::full_like(mean, log_scale));
    const auto sums = (-nats).exp().sum(1);
    EXPECT_TRUE(sums.allclose(at::ones_like(sums), 1e-10, 1e-10)) << sums;
  }
}

/// The mass between the cuts, as differences of the distribution function.
TEST(DiscretisedLogistic, IsTheMassBetweenTheCuts) {
  const double mean = 0.1, scale = std::exp(-2.0);
  const auto below = [&](double cut) { return 1 / (1 + std::exp((mean - cut) / scale)); };
  for (const int value : {0, 1, 100, 140, 254, 255}) {
    const double centre = 2 * value / 255.0 - 1;
    const double mass = (value == 255 ? 1 : below(centre + 1.0 / 255)) -
                        (value == 0 ? 0 : below(centre - 1.0 / 255));
    const auto nats = discretised_logistic_nats(at::full({1}, value / 255.0, at::kDouble),
                                                at::full({1}, mean, at::kDouble),
                                                at::full({1}, -2.0, at::kDouble));
    EXPECT_NEAR(nats.item<double>(), -std::log(mass), 1e-9) << value;
  }
}

/// Far from the mean and at the least scale it has a finite value and slope, in single precision.
TEST(DiscretisedLogistic, StaysFiniteFarFromTheMean) {
  const auto mean = at::tensor({-50.0F, 50.0F, 0.0F}).requires_grad_();
  const auto nats = discretised_logistic_nats(at::full({3}, 0.5F), mean, at::full({3}, -7.0F));
  nats.sum().backward();
  EXPECT_TRUE(nats.isfinite().all().item<bool>());
  EXPECT_TRUE(mean.grad().isfinite().all().item<bool>());
}

TEST(KlDivergence, OfNormalsAgainstSamples) {
  const DiagonalNormal from{at::tensor({0.3, -1.0}, at::kDouble),
                            at::tensor({-0.7, 0.2}, at::kDouble)};
  const DiagonalNormal to{at::tensor({-0.1, 0.5}, at::kDouble),
                          at::tensor({0.1, 0.4}, at::kDouble)};
  const auto log_density = [](const DiagonalNormal& normal, const at::Tensor& x) {
    return -0.5 * ((x - normal.mean) / normal.log_deviation.exp()).square() - normal.log_deviation;
  };
  const auto x =
      from.mean + from.log_deviation.exp() * at::randn({400000, 2}, seeded(1), at::kDouble);
  const auto sampled = (log_density(from, x) - log_density(to, x)).mean(0);
  const auto found = kl_divergence(from, to);
  EXPECT_TRUE(found.allclose(sampled, 0, 0.01)) << found << sampled;
  EXPECT_TRUE(kl_divergence(from, from).abs().max().item<double>() < 1e-12);
}

TEST(HierarchicalVae, Levels) {
  const HierarchicalVae model(tiny());
  const std::vector<LatentShape> expected = {{2, 1}, {2, 2},  {2, 2}, {2, 4},
                                             {2, 8}, {2, 16}, {2, 16}};
  EXPECT_EQ(model.levels(), expected);
  EXPECT_EQ(model.blocks_up_to(0), 0U);
  EXPECT_EQ(model.blocks_up_to(1), 1U);
  EXPECT_EQ(model.blocks_up_to(8), 5U);
  EXPECT_EQ(model.blocks_up_to(64), 7U);
  const HierarchicalVae standard({});
  EXPECT_LT(standard.parameter_count(), 12000000);
  EXPECT_EQ(standard.levels().size(), 13U);
}

/// The first blocks' means decide the picture: with all of them it is the reconstruction, and
/// giving back what the prior foretells changes nothing.
TEST(HierarchicalVae, DecodesWhatItEncodes) {
  const auto model = trained();
  const auto pictures = some_pictures(3);
  const auto latents = model.encode(pictures);
  ASSERT_EQ(latents.size(), model.levels().size());
  for (std::size_t block = 0; block < latents.size(); ++block) {
    const auto [channels, side] = model.levels()[block];
    EXPECT_EQ(latents[block].sizes(), at::IntArrayRef({3, channels, side, side}));
  }
  const auto whole = model.decode(latents);
  EXPECT_EQ(whole.sizes(), pictures.sizes());
  EXPECT_TRUE(whole.ge(0).logical_and(whole.le(1)).all().item<bool>());
  // Nothing is left to the prior, so that no temperature matters.
  EXPECT_TRUE(model.decode(latents, 1, seeded(1)).equal(whole));
  const auto coarse = model.decode(first_of(latents, 4));
  EXPECT_FALSE(coarse.equal(whole));
  EXPECT_TRUE(model.decode(first_of(latents, 4), 0, seeded(7)).equal(coarse));
  // Each picture on its own.
  EXPECT_TRUE(model.encode(pictures.narrow(0, 1, 1))
                  .back()
                  .allclose(latents.back().narrow(0, 1, 1), 1e-4, 1e-5));
}

TEST(HierarchicalVae, SamplesByTemperatureAndSeed) {
  const auto model = trained();
  const auto one = model.sample(2, 1, seeded(1));
  EXPECT_EQ(one.sizes(), at::IntArrayRef({2, 3, 32, 32}));
  EXPECT_TRUE(model.sample(2, 1, seeded(1)).equal(one));
  EXPECT_FALSE(model.sample(2, 1, seeded(2)).equal(one));
  EXPECT_FALSE(one[0].equal(one[1]));
  const auto still = model.sample(2, 0, {});
  EXPECT_TRUE(still[0].allclose(still[1], 1e-5, 1e-6));
  const auto latents = model.encode(some_pictures(2));
  EXPECT_FALSE(model.decode(first_of(latents, 2), 0.7, seeded(1))
                   .equal(model.decode(first_of(latents, 2), 0.7, seeded(2))));
}

/// Untrained, a picture costs what a logistic of the first scale takes, some bits a number.
TEST(HierarchicalVae, BitsOfAnUntrainedModelAreFinite) {
  const HierarchicalVae model(tiny(), 1);
  const auto pictures = some_pictures(4);
  const auto bits = model.bits_per_dimension(pictures, seeded(5));
  EXPECT_EQ(bits.kl.sizes(), at::IntArrayRef({4, 7}));
  EXPECT_TRUE(bits.kl.ge(0).all().item<bool>());
  EXPECT_GT(bits.bits_per_dimension.min().item<double>(), 2);
  EXPECT_LT(bits.bits_per_dimension.max().item<double>(), 20);
  const auto elbo = model.elbo(pictures, seeded(5));
  const auto sum = (elbo.reconstruction + bits.kl.sum(1)) / (3 * 32 * 32 * std::numbers::ln2);
  EXPECT_TRUE(sum.allclose(bits.bits_per_dimension, 1e-6));
  // Rounded to 8 bits first.
  EXPECT_TRUE(model.bits_per_dimension((pictures * 255).round() / 255, seeded(5))
                  .bits_per_dimension.allclose(bits.bits_per_dimension, 1e-4));
}

TEST(HierarchicalVae, GradientsReachEveryWeight) {
  const auto model = trained();
  const auto elbo = model.elbo(some_pictures(2), seeded(5));
  auto loss = elbo.reconstruction.sum();
  for (const auto& kl : elbo.kl) loss = loss + kl.sum();
  loss.backward();
  for (const auto& [name, tensor] : model.state()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
}

/// With all blocks it is a draw like elbo()'s, with none the picture of the priors' means.
TEST(HierarchicalVae, CoarsePicturesTakeTheFirstBlocksAlone) {
  const auto model = trained();
  const auto pictures = some_pictures(2);
  const auto all = model.levels().size();
  const auto elbo = model.elbo(pictures, seeded(5));
  const auto whole = model.coarse(pictures, all, seeded(5));
  const auto rounded = model.coarse((pictures * 255).round() / 255, all, seeded(5));
  for (std::size_t block = 0; block < all; ++block) {
    EXPECT_TRUE(rounded.kl[block].allclose(elbo.kl[block], 1e-4, 1e-5));
  }
  const auto some = model.coarse(pictures, 3, seeded(5));
  EXPECT_EQ(some.kl.size(), 3U);
  EXPECT_TRUE(some.kl[2].equal(whole.kl[2]));
  EXPECT_FALSE(some.pictures.equal(whole.pictures));
  const auto none = model.coarse(pictures, 0, seeded(5));
  EXPECT_TRUE(none.kl.empty());
  EXPECT_TRUE(none.pictures.detach().clamp(0, 1).allclose(model.sample(2, 0, {}), 1e-5, 1e-6));
  some.pictures.sum().backward();  // through the priors of the blocks after them
  EXPECT_TRUE(model.state().at("down_4.0.prior.c4.weight").grad().defined());
  EXPECT_FALSE(model.state().at("down_4.0.posterior.c4.weight").grad().defined());
}

TEST(HierarchicalVae, RefusesOtherShapes) {
  const HierarchicalVae model(tiny());
  EXPECT_THROW(model.encode(at::rand({1, 3, 16, 16})), UsageError);
  EXPECT_THROW(model.encode(at::zeros({1, 3, 32, 32}, at::kByte)), UsageError);
  EXPECT_THROW(model.elbo(at::rand({3, 32, 32}), seeded(1)), UsageError);
  EXPECT_THROW(model.decode({}), UsageError);
  EXPECT_THROW(model.decode({at::rand({1, 2, 2, 2})}), UsageError);
  EXPECT_THROW(model.decode({at::rand({1, 2, 1, 1}), at::rand({2, 2, 2, 2})}), UsageError);
  EXPECT_THROW(model.decode(std::vector(8, at::rand({1, 2, 1, 1}))), UsageError);
  EXPECT_THROW(model.decode({at::rand({1, 2, 1, 1})}, -1), UsageError);
  EXPECT_THROW(model.decode({at::rand({1, 2, 1, 1})}, 0.5), UsageError);
  EXPECT_THROW(model.sample(0, 1, seeded(1)), UsageError);
  EXPECT_THROW(model.sample(1, 1, {}), UsageError);
  for (auto change : std::vector<std::function<void(HierarchicalVaeArchitecture&)>>{
           [](auto& s) { s.image_size = 40; }, [](auto& s) { s.width = 12; },
           [](auto& s) { s.latent_channels = 0; },
           [](auto& s) {
             s.blocks = {1, 1};
           },
           [](auto& s) { s.blocks[2] = 0; }, [](auto& s) { s.encoder_blocks[2] = -1; }}) {
    auto sizes = tiny();
    change(sizes);
    EXPECT_THROW(HierarchicalVae{sizes}, UsageError);
  }
}

TEST(HierarchicalVaeConfig, ListsOfBlocks) {
  EXPECT_EQ(numbers_of("blocks", "1,20,3"), (std::vector<std::int64_t>{1, 20, 3}));
  EXPECT_EQ(list_of({1, 20, 3}), "1,20,3");
  for (const char* list : {"", "1,", ",1", "1;2", "1, 2", "1.5", "99999999999999999999"}) {
    EXPECT_THROW(numbers_of("blocks", list), UsageError) << list;
  }
}

/// What a level keeps, of two pictures that a model cannot tell and of many that it can.
TEST(HierarchicalScores, CountAndCut) {
  const auto model = trained();
  const auto pictures = some_pictures(5);
  const auto scores = score_hierarchy(model, pictures, 3, seeded(1));
  ASSERT_EQ(scores.levels.size(), 5U);
  const std::vector<std::int64_t> sides = {1, 2, 4, 8, 16}, blocks = {1, 3, 4, 5, 7},
                                  numbers = {2, 18, 50, 178, 1202};
  double kl = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto& level = scores.levels[i];
    EXPECT_EQ(level.side, sides[i]);
    EXPECT_EQ(level.blocks, blocks[i]);
    EXPECT_EQ(level.numbers, numbers[i]);
    EXPECT_EQ(level.units, numbers[i] - (i > 0 ? numbers[i - 1] : 0));
    EXPECT_EQ(level.drawn.sizes(), at::IntArrayRef({3, 3, 32, 32}));
    kl += level.kl_nats;
  }
  EXPECT_TRUE(scores.levels.back().drawn.allclose(
      model.decode(model.encode(pictures)).narrow(0, 0, 3), 1e-4, 1e-5));
  const auto bits = model.bits_per_dimension(pictures, seeded(1));
  EXPECT_NEAR(scores.bits_per_dimension, bits.bits_per_dimension.mean().item<double>(), 1e-4);
  EXPECT_NEAR(kl, bits.kl.sum(1).mean().item<double>(), 1e-3 * kl);
  // Posteriors of one picture, twice, do not vary.
  const auto alike =
      score_hierarchy(model, pictures.narrow(0, 0, 1).expand({2, -1, -1, -1}), 1, seeded(1));
  for (const auto& level : alike.levels) EXPECT_EQ(level.active_units, 0);
}

TEST(HierarchicalVaeModelFile, KeepsTheModel) {
  const testing::TemporaryFolder folder;
  const auto model = trained();
  save_hierarchical_vae(folder / "model.safetensors", model, {{"dataset", "flowers"}});
  const auto stored = load_hierarchical_vae(folder.path());
  EXPECT_EQ(stored.metadata.at("dataset"), "flowers");
  EXPECT_EQ(stored.model.architecture(), model.architecture());
  const auto pictures = some_pictures(2);
  EXPECT_TRUE(stored.model.encode(pictures).back().equal(model.encode(pictures).back()));
}

TEST(HierarchicalVaeModelFile, RefusesOthers) {
  const testing::TemporaryFolder folder;
  const HierarchicalVae model(tiny(), 4);
  const auto file = folder / "model.safetensors";
  const auto expect_refusal = [&](const std::function<void(TensorFile&)>& change) {
    save_hierarchical_vae(file, model, {});
    auto content = read_safetensors(file);
    change(content);
    write_safetensors(file, content);
    EXPECT_THROW(load_hierarchical_vae(file), Error);
  };
  expect_refusal([](auto& content) { content.metadata["model"] = "waveform-ae"; });
  expect_refusal([](auto& content) { content.metadata.erase("blocks"); });
  expect_refusal([](auto& content) { content.metadata["blocks"] = "1,2"; });
  expect_refusal([](auto& content) { content.metadata["blocks"] = "1,2,x,1,2"; });
  expect_refusal([](auto& content) { content.metadata["width"] = "16"; });
  expect_refusal([](auto& content) { content.metadata["width"] = "1e9"; });
  expect_refusal([](auto& content) { content.tensors.erase("stem.weight"); });
  EXPECT_THROW(load_hierarchical_vae(folder / "none.safetensors"), Error);
}

// Sizes that are allowed one by one, and together would take tens of gigabytes.
TEST(HierarchicalVaeModelFile, IsNotBelievedToBeLargerThanItIs) {
  const testing::TemporaryFolder folder;
  save_hierarchical_vae(folder / "model.safetensors", HierarchicalVae(tiny(), 4), {});
  auto content = read_safetensors(folder / "model.safetensors");
  content.metadata["width"] = "1024";
  content.metadata["blocks"] = content.metadata["encoder_blocks"] = "64,64,64,64,64";
  write_safetensors(folder / "large.safetensors", content);
  try {
    load_hierarchical_vae(folder / "large.safetensors");
    FAIL() << "it was believed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected at least 335544320 numbers"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace neurosplat
