// The network against its Python definition, and the published weights on pictures of known
// classes.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "metrics/feature_weights.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/metrics/feature_network.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> published_weights() {
  try {
    return feature_network_file();
  } catch (const Error&) {
    return std::nullopt;
  }
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  EXPECT_EQ(one.sizes(), other.sizes());
  return (one - other).abs().max().item<double>();
}

void expect_agreement(const std::string& python, const fs::path& weights) {
  const FeatureNetwork network(weights);
  auto generator = at::detail::createCPUGenerator(13);
  // Large patches, so that some layers of the published weights are sure of something.
  auto pictures = at::rand({3, 3, 7, 7}, generator, at::kFloat);
  const auto prepared = network.prepare(pictures);
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "prepared.safetensors", {{{"prepared", prepared}}, {}});
  const auto script = testing::source_folder() / "tests/metrics/reference_features.py";
  const auto run =
      testing::run_command({python, script.string(), weights.string(), folder.path().string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;
  EXPECT_LT(distance(network.maps(prepared), expected.at("maps")), 1e-3);
  EXPECT_LT(distance(network.pooled(prepared), expected.at("maps").mean({2, 3})), 1e-4);
  EXPECT_LT(distance(network.logits(prepared), expected.at("logits")), 1e-4);
}

TEST(FeatureNetworkInPython, AgreesOnRandomWeights) {
  const auto python = testing::python_with("torch, safetensors, efficientnet_lite_pytorch");
  if (!python)
    GTEST_SKIP()
        << "needs efficientnet-lite-pytorch 0.1.0 in .venv, which setup.sh does not install";
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "weights.safetensors", testing::random_feature_weights());
  expect_agreement(*python, folder / "weights.safetensors");
}

TEST(FeatureNetworkInPython, AgreesOnThePublishedWeights) {
  const auto python = testing::python_with("torch, safetensors, efficientnet_lite_pytorch");
  if (!python)
    GTEST_SKIP()
        << "needs efficientnet-lite-pytorch 0.1.0 in .venv, which setup.sh does not install";
  const auto weights = published_weights();
  if (!weights) GTEST_SKIP() << "needs the published weights: scripts/setup.sh --features";
  expect_agreement(*python, *weights);
}

TEST(FeatureNetwork, KnowsACatAndACoffee) {
  const auto weights = published_weights();
  if (!weights) GTEST_SKIP() << "needs the published weights: scripts/setup.sh --features";
  const auto stills = testing::shared_folder("data/stills");
  if (!stills) GTEST_SKIP() << "needs chelsea.png and coffee.png in ../shared/data/stills";
  const FeatureNetwork network(*weights);
  const auto expect = [&](const char* name, std::int64_t number, double chance) {
    const auto picture = read_picture(*stills / name).unsqueeze(0).to(at::kFloat) / 255.0;
    const auto chances = network.logits(network.prepare(picture)).softmax(1)[0];
    EXPECT_EQ(chances.argmax().item<std::int64_t>(), number) << name;
    EXPECT_NEAR(chances[number].item<double>(), chance, 0.05) << name;
  };
  expect("chelsea.png", 285, 0.38);
  expect("coffee.png", 967, 0.94);
}

}  // namespace
}  // namespace neurosplat
