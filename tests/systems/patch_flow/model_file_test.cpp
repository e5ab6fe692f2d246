#include "neurosplat/systems/patch_flow/model_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/patch_flow/picture_description.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

const PatchFlowArchitecture kSmall = {.image_size = 16,
                                      .width = 16,
                                      .depth = 1,
                                      .heads = 1,
                                      .hidden = 8,
                                      .splats = 4,
                                      .kernel = patches::Kernel::kSharpPost,
                                      .sharing = patches::Sharing::kOwn,
                                      .depth_gain = 0.125,
                                      .colour_limit = 1.25};

std::string refusal(const std::filesystem::path& path) {
  try {
    load_patch_flow(path);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(PatchFlowFile, KeepsWeightsAndWhatTheyMean) {
  const testing::TemporaryFolder folder;
  const PatchFlow model(kSmall, 7);
  save_patch_flow(folder / "model.safetensors", model, {{"epoch", "3"}});
  const auto stored = load_patch_flow(folder.path());
  EXPECT_EQ(stored.model.architecture(), kSmall);
  EXPECT_EQ(stored.metadata.at("epoch"), "3");
  const auto z = at::ones({1, 3, 16, 16}), times = at::full({1}, 0.5);
  EXPECT_TRUE(stored.model.clean(z, times).equal(model.clean(z, times)));
}

TEST(PatchFlowFile, KeepsConditionsAndTheirStandards) {
  const testing::TemporaryFolder folder;
  auto sizes = kSmall;
  sizes.vision = "thumbnail";
  sizes.semantic = "statistics";
  const PatchFlow model(sizes, 7);
  const auto pictures = at::rand({4, 3, 16, 16});
  fit_standards(model, pictures);
  save_patch_flow(folder / "model.safetensors", model, {});
  const auto stored = load_patch_flow(folder.path());
  EXPECT_EQ(stored.model.architecture(), sizes);
  EXPECT_TRUE(describe(stored.model, pictures).semantic.equal(describe(model, pictures).semantic));
  auto file = read_safetensors(folder / "model.safetensors");
  file.metadata["vision"] = "caption";
  write_safetensors(folder / "bad.safetensors", file);
  EXPECT_NE(refusal(folder / "bad.safetensors").find("vision: expected one of none, thumbnail"),
            std::string::npos);
  file.metadata["vision"] = "statistics";
  write_safetensors(folder / "bad.safetensors", file);
  EXPECT_NE(refusal(folder / "bad.safetensors").find("conditions.vision"), std::string::npos);
}

// Files without conditions are what they were before there were any.
TEST(PatchFlowFile, SaysNothingOfConditionsWhereThereAreNone) {
  const testing::TemporaryFolder folder;
  save_patch_flow(folder / "model.safetensors", PatchFlow(kSmall), {});
  EXPECT_FALSE(read_safetensors(folder / "model.safetensors").metadata.contains("vision"));
}

TEST(PatchFlowFile, ReadsHalfPrecision) {
  const testing::TemporaryFolder folder;
  const PatchFlow model(kSmall, 7);
  save_patch_flow(folder / "model.safetensors", model, {});
  auto file = read_safetensors(folder / "model.safetensors");
  for (auto& [name, tensor] : file.tensors) tensor = tensor.to(at::kHalf);
  write_safetensors(folder / "half.safetensors", file);
  const auto state = load_patch_flow(folder / "half.safetensors").model.state();
  EXPECT_EQ(state.at("head.weight").scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(state.at("head.weight"), model.state().at("head.weight"), 1e-3, 1e-6));
}

// Sizes that are allowed one by one, and together would take hundreds of gigabytes.
TEST(PatchFlowFile, IsNotBelievedToBeLargerThanItIs) {
  const testing::TemporaryFolder folder;
  save_patch_flow(folder / "model.safetensors", PatchFlow(kSmall), {});
  auto file = read_safetensors(folder / "model.safetensors");
  file.metadata["width"] = "4096";
  file.metadata["hidden"] = "65536";
  file.metadata["depth"] = "64";
  write_safetensors(folder / "large.safetensors", file);
  EXPECT_NE(refusal(folder / "large.safetensors").find("expected at least 5583"), std::string::npos)
      << refusal(folder / "large.safetensors");
}

TEST(PatchFlowFile, RefusesWhatIsNoPatchFlow) {
  const testing::TemporaryFolder folder;
  save_patch_flow(folder / "model.safetensors", PatchFlow(kSmall), {});
  const auto good = read_safetensors(folder / "model.safetensors");
  const auto said = [&](const std::string& key, const std::string& value) {
    auto bad = good;
    bad.metadata[key] = value;
    write_safetensors(folder / "bad.safetensors", bad);
    return refusal(folder / "bad.safetensors");
  };
  const auto expect_part = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect_part(said("model", "splat-vae"),
              "expected a model of patch-flow, it holds one of splat-vae");
  expect_part(said("kernel", "square"), "kernel: expected exponential");
  expect_part(said("width", "sixteen"), "expected a number as 'width', got 'sixteen'");
  expect_part(said("width", "100000000000000000000"), "expected a number as 'width'");
  expect_part(said("width", "32"), "expected");
  expect_part(said("depth_gain", "nan"), "depth_gain");
  auto bad = good;
  bad.metadata.erase("patch");
  write_safetensors(folder / "bad.safetensors", bad);
  expect_part(refusal(folder / "bad.safetensors"), "expected 'patch' in the file's metadata");
}

}  // namespace
}  // namespace neurosplat
