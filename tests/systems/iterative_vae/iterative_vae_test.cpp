// The model: its sizes, decoders and activations, and its file.
#include "neurosplat/systems/iterative_vae/iterative_vae.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/iterative_vae/model_file.h"
#include "support/temporary_folder.h"
#include "systems/iterative_vae/planted_model.h"
#include "systems/iterative_vae/poisson_quantile.h"

namespace neurosplat {
namespace {

IterativeVaeArchitecture sizes_of(const std::string& model, const std::string& activation,
                                  std::int64_t pixels, const std::string& decoder = "lin") {
  return {.model = model,
          .activation = activation,
          .decoder = decoder,
          .pixels = pixels,
          .latents = 512};
}

TEST(IterativeVae, HasThePublishedCountsOfParameters) {
  EXPECT_EQ(IterativeVae(sizes_of("poisson", "identity", 256)).parameters(), 132353);
  EXPECT_EQ(IterativeVae(sizes_of("gaussian", "identity", 256)).parameters(), 132866);
  EXPECT_EQ(IterativeVae(sizes_of("gaussian", "relu", 256)).parameters(), 133378);
  EXPECT_EQ(IterativeVae(sizes_of("poisson", "identity", 784)).parameters(), 403217);
  EXPECT_EQ(IterativeVae(sizes_of("gaussian", "identity", 784)).parameters(), 403730);
}

TEST(IterativeVae, BeginsAsPublished) {
  const IterativeVae model(sizes_of("poisson", "identity", 256), 4);
  const auto& state = model.state();
  EXPECT_NEAR(state.at("decoder.weight").std().item<double>(), 1e-4, 2e-6);
  EXPECT_GE(state.at("prior.log_rate").min().item<double>(), -6);
  EXPECT_LE(state.at("prior.log_rate").max().item<double>(), -4);
  EXPECT_NEAR(model.bias_current().mean().item<double>(), std::exp(-3), 1e-6);
  EXPECT_NEAR(model.step_sizes().item<double>(), 1, 1e-6);
  EXPECT_TRUE(model.scale().equal(at::ones({256})));
  const IterativeVae gaussian(sizes_of("gaussian", "relu", 256));
  EXPECT_EQ(gaussian.step_sizes().numel(), 2);
  EXPECT_TRUE(gaussian.initial()[1].equal(at::zeros({1, 512})));
}

TEST(IterativeVae, TheScaleIsSoftlyClamped) {
  const IterativeVae model(sizes_of("poisson", "identity", 16));
  const at::NoGradGuard no_gradient;
  model.state().at("log_scale").fill_(50);
  EXPECT_NEAR(std::log(model.scale()[0].item<double>()), 3.45, 1e-5);
  model.state().at("log_scale").fill_(-1);
  EXPECT_NEAR(std::log(model.scale()[0].item<double>()), 3.45 * std::tanh(-1 / 3.45), 1e-6);
}

TEST(IterativeVae, DecodersOfLayersGiveTheirPixels) {
  for (const auto* decoder : {"mlp", "conv"}) {
    const IterativeVae model(sizes_of("gaussian", "identity", 784, decoder), 1);
    EXPECT_EQ(model.decode(at::ones({3, 512})).sizes(), at::IntArrayRef({3, 784}));
    // One pixel alone moves where one latent number does: the picture depends on all layers.
    for (const auto& [name, tensor] : model.state()) {
      if (!name.starts_with("decoder.")) continue;
      const auto gradient = [&] {
        model.decode(at::ones({1, 512})).square().sum().backward();
        return tensor.grad();
      }();
      EXPECT_GT(gradient.abs().sum().item<double>(), 0) << name;
    }
  }
  EXPECT_THROW(IterativeVae(sizes_of("gaussian", "identity", 225, "conv")), UsageError);
}

TEST(IterativeVae, ActivationsAreTheirFormulas) {
  const std::vector<std::pair<std::string, std::function<double(double)>>> formulas = {
      {"identity", [](double z) { return z; }},
      {"relu", [](double z) { return std::max(z, 0.0); }},
      {"logistic", [](double z) { return 1 / (1 + std::exp(-z)); }},
      {"gompertz", [](double z) { return std::exp(-std::exp(-z)); }},
      {"softplus", [](double z) { return std::log1p(std::exp(z)); }},
      {"gaussian-cdf", [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }},
      {"arctan", [](double z) { return 2 / std::numbers::pi * std::atan(z); }},
      {"tanh", [](double z) { return std::tanh(z); }},
      {"naka-rushton", [](double z) { return z > 0 ? z * z / (1 + z * z) : 0; }},
      {"fitzhugh-nagumo", [](double z) { return z - z * z * z / 3; }},
      {"adaptive-exponential", [](double z) { return std::exp(z) - z - 1; }}};
  ASSERT_EQ(formulas.size(), activation_names().size());
  const auto z = at::linspace(-3, 3, 25, at::kDouble);
  for (const auto& [name, formula] : formulas) {
    const auto values = activate(name, z);
    for (std::int64_t i = 0; i < z.numel(); ++i) {
      EXPECT_NEAR(values[i].item<double>(), formula(z[i].item<double>()), 1e-12) << name;
    }
  }
  EXPECT_THROW(activate("step", z), UsageError);
}

TEST(IterativeVae, RefusesSizesThatCannotBe) {
  EXPECT_THROW(IterativeVae(sizes_of("poisson", "relu", 256)), UsageError);
  EXPECT_THROW(IterativeVae(sizes_of("laplace", "identity", 256)), UsageError);
  EXPECT_THROW(IterativeVae(sizes_of("poisson", "identity", 0)), UsageError);
  auto none = sizes_of("poisson", "identity", 16);
  none.latents = 0;
  EXPECT_THROW(IterativeVae{none}, UsageError);
}

TEST(IterativeVaeFile, KeepsTheModel) {
  const testing::TemporaryFolder folder;
  for (const auto& [model_name, activation, decoder] : {std::tuple{"poisson", "identity", "lin"},
                                                        {"gaussian", "relu", "lin"},
                                                        {"gaussian", "tanh", "mlp"},
                                                        {"gaussian", "identity", "conv"}}) {
    const auto model = testing::planted_model(sizes_of(model_name, activation, 64, decoder));
    save_iterative_vae(folder / "model.safetensors", model, {{"beta", "24"}});
    const auto loaded = load_iterative_vae(folder.path());
    EXPECT_EQ(loaded.model.architecture(), model.architecture());
    EXPECT_EQ(loaded.metadata.at("beta"), "24");
    for (const auto& [name, tensor] : model.state()) {
      EXPECT_TRUE(loaded.model.state().at(name).equal(tensor)) << name;
    }
  }
}

TEST(IterativeVaeFile, RefusesOthersOnOneLine) {
  const testing::TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const auto model = testing::planted_model(sizes_of("poisson", "identity", 64));
  const auto expect_refused = [&](const std::string& words) {
    try {
      load_iterative_vae(path);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  };
  save_iterative_vae(path, model);
  const auto whole = read_safetensors(path);
  auto other = whole;
  other.metadata["model"] = "splat-vae";
  write_safetensors(path, other);
  expect_refused("expected a model of iterative-vae");
  other = whole;
  other.metadata["latents"] = "64";
  write_safetensors(path, other);
  expect_refused("the file says latents 64");
  other = whole;
  other.tensors.erase("log_step");
  write_safetensors(path, other);
  expect_refused("log_step");
  other = whole;
  other.tensors["decoder.weight"] = at::zeros({64, 2});
  write_safetensors(path, other);
  expect_refused("decoder.weight");
  other = whole;
  other.tensors["log_bias"] = at::full({512}, NAN);
  write_safetensors(path, other);
  expect_refused("finite");
  // A few bytes that speak of a huge layer: refused before it is made.
  other = whole;
  other.tensors["log_scale"] = at::zeros({65536});
  other.tensors["log_bias"] = at::zeros({65536});
  write_safetensors(path, other);
  expect_refused("decoder.weight");
}

TEST(PoissonQuantile, IsThatOfTheReference) {
  const std::vector<std::pair<double, int>> known = {
      {0.05, 2}, {0.5, 4}, {1, 5}, {2, 8}, {3, 10}, {5, 13}, {10, 21}, {20, 35}, {50, 73}};
  for (const auto& [rate, most] : known)
    EXPECT_EQ(ivae::poisson_quantile(rate, 0.999), most) << rate;
  EXPECT_EQ(ivae::poisson_quantile(0, 0.999), 1);
  EXPECT_GT(ivae::poisson_quantile(20000, 0.999), 20000);
}

}  // namespace
}  // namespace neurosplat
