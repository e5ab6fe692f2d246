// The models of models/: what their cards say of them holds, one knows a cat, one is told of
// pictures.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/patch_flow/conditions.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "neurosplat/training/flow_matching.h"
#include "support/command.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

fs::path models() {
  return testing::source_folder() / "models";
}

StoredPatchFlow shipped() {
  return load_patch_flow(models() / "patch-flow-cats.safetensors");
}

void expect_as_described(const std::string& name) {
  std::ifstream in(models() / (name + ".json"));
  const auto card = nlohmann::json::parse(in);
  const auto stored = load_patch_flow(models() / (name + ".safetensors"));
  EXPECT_EQ(stored.model.parameter_count(), card["numbers"].get<std::int64_t>());
  EXPECT_LE(fs::file_size(stored.file), 20'000'000U);
  for (const auto& [key, value] : card["architecture"].items()) {
    EXPECT_EQ(stored.metadata.at(key), value.get<std::string>()) << key;
  }
}

TEST(ShippedCats, AreWhatTheirCardDescribes) {
  expect_as_described("patch-flow-cats");
}

TEST(ShippedFlowers, AreWhatTheirCardDescribes) {
  expect_as_described("patch-flow-flowers");
}

/// What it is told of a picture that it has never seen, and that is no flower, brings it nearer.
TEST(ShippedFlowers, AreToldOfPictures) {
  const at::NoGradGuard no_gradient;
  const auto model = load_patch_flow(models() / "patch-flow-flowers.safetensors").model;
  const auto still = read_picture(models() / "stills" / "coffee.png").to(at::kFloat).unsqueeze(0);
  const auto picture = at::avg_pool2d(still, 2) / 255;
  const auto clean = 2 * picture - 1;
  const auto noise = at::randn(clean.sizes(), at::detail::createCPUGenerator(5), at::kFloat);
  const auto times = at::full({1}, 0.1, at::kFloat);
  const auto error = [&](const Conditions& conditions) {
    const auto drawn = model.clean(noisy_at(clean, noise, times), times, conditions);
    return (drawn - clean).square().mean().item<double>();
  };
  const auto told = PictureDescription(model)(picture);
  const double both = error(told), untold = error({});
  EXPECT_LT(both, 0.6 * untold);
  EXPECT_LT(error({.vision = told.vision}), 0.6 * untold);
  EXPECT_LT(error({.semantic = told.semantic}), untold);
}

/// The face of scikit-image's cat (CC0), which nothing was trained on, in 64 pixels. Its mean
/// colour, and the noisy picture over t, are what a model that knows no cats gives.
TEST(ShippedCats, TakeTheNoiseOffACat) {
  const at::NoGradGuard no_gradient;
  const auto still = read_picture(models() / "stills" / "chelsea.png").to(at::kFloat).unsqueeze(0);
  const auto face = at::avg_pool2d(still, 2) / 127.5 - 1;
  const auto generator = at::detail::createCPUGenerator(3);
  const auto noise = at::randn(face.sizes(), generator, at::kFloat);
  const auto model = shipped().model;
  for (const double time : {0.5, 0.7, 0.9}) {
    const auto times = at::full({1}, time, at::kFloat);
    const auto noisy = noisy_at(face, noise, times);
    const auto error = [&](const at::Tensor& picture) {
      return (picture - face).square().mean().item<double>();
    };
    const double ours = error(model.clean(noisy, times));
    EXPECT_LT(ours, 0.5 * error(noisy / time)) << time;
    EXPECT_LT(ours, 0.5 * error(face.mean({2, 3}, true).expand_as(face))) << time;
  }
}

}  // namespace
}  // namespace neurosplat
