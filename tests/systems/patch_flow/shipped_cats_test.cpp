// The model of models/: what its card says of it holds, and it knows a cat.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/patch_flow/model_file.h"
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

TEST(ShippedCats, AreWhatTheirCardDescribes) {
  std::ifstream in(models() / "patch-flow-cats.json");
  const auto card = nlohmann::json::parse(in);
  const auto stored = shipped();
  EXPECT_EQ(stored.model.parameter_count(), card["numbers"].get<std::int64_t>());
  EXPECT_LE(fs::file_size(stored.file), 20'000'000U);
  for (const auto& [key, value] : card["architecture"].items()) {
    EXPECT_EQ(stored.metadata.at(key), value.get<std::string>()) << key;
  }
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
