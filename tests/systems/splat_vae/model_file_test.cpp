#include "neurosplat/systems/splat_vae/model_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// Largest difference, relative to the largest value where that is beyond 1.
double difference(const at::Tensor& one, const at::Tensor& other) {
  const double largest = std::max(1.0, other.abs().max().item<double>());
  return (one - other).abs().max().item<double>() / largest;
}

/// Named as PyTorch's, every tensor a float and equal to `expected`'s in `dtype`.
void expect_state(const SplatVae& found, const SplatVae& expected, at::ScalarType dtype) {
  const auto state = found.state();
  for (const auto& [name, tensor] : expected.state()) {
    const auto rounded = tensor.is_floating_point() ? tensor.to(dtype).to(at::kFloat) : tensor;
    EXPECT_TRUE(at::equal(state.at(name), rounded)) << name;
  }
}

/// A state dict that PyTorch wrote, read here in every form that people keep it in: encoder mean,
/// decoder output and picture as PyTorch computes them in double.
TEST(ModelFile, AgreesWithPyTorchOnTheReferencesModel) {
  const auto python = testing::python_with("torch, safetensors.torch");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  const testing::TemporaryFolder folder;
  const auto script = testing::source_folder() / "tests/systems/splat_vae/reference_splat_vae.py";
  const auto made =
      testing::run_command({*python, script.string(), folder.path().string(), "64", "100", "24"});
  ASSERT_EQ(made.status, 0) << made.errors;
  const SplatVae model = load_splat_vae(folder / "model.pt");
  EXPECT_EQ(model.architecture(), (SplatVaeArchitecture{64, 100, 24}));
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;
  const auto mean = model.encode(expected.at("pictures")).mean;
  const auto raw = model.decode(expected.at("mean"));
  const auto drawn = model.draw(expected.at("raw"));
  EXPECT_LE(difference(mean, expected.at("mean")), 1e-5);
  EXPECT_LE(difference(raw, expected.at("raw")), 1e-5);
  EXPECT_LE(difference(drawn, expected.at("drawn")), 1e-5);
  EXPECT_LE(difference(model.reconstruct(expected.at("pictures")), expected.at("drawn")), 1e-5);
  // The two pictures differ by far more than the bound, so agreement says something.
  EXPECT_GT(difference(drawn[0], drawn[1]), 1e-4);
  for (const char* name : {"cuda.pt", "checkpoint.pt", "wrapped.pt", "predictor.pt"}) {
    SCOPED_TRACE(name);
    expect_state(load_splat_vae(folder / name), model, at::kFloat);
  }
  expect_state(load_splat_vae(folder / "half.pt"), model, at::kHalf);
}

TEST(ModelFile, RoundTripDescribesItself) {
  const testing::TemporaryFolder folder;
  const SplatVae model({.image_size = 16, .packets = 7, .latent = 5}, 3);
  save_splat_vae(folder / "model.safetensors", model, {{"dataset", "smoke"}});
  const auto file = read_safetensors(folder / "model.safetensors");
  EXPECT_EQ(file.metadata.at("model"), "splat-vae");
  EXPECT_EQ(file.metadata.at("image_size"), "16");
  EXPECT_EQ(file.metadata.at("num_packets"), "7");
  EXPECT_EQ(file.metadata.at("latent"), "5");
  EXPECT_EQ(file.metadata.at("dataset"), "smoke");
  for (const auto& path : {folder.path(), folder / "model.safetensors"}) {
    const auto loaded = load_splat_vae(path);
    for (const auto& [name, tensor] : model.state()) {
      EXPECT_TRUE(at::equal(loaded.state().at(name), tensor)) << name;
    }
  }
}

TEST(ModelFile, SaysOfWhatKindAModelIs) {
  const testing::TemporaryFolder folder;
  const SplatVae model({.image_size = 16, .packets = 7, .latent = 5});
  write_safetensors(folder / "model.safetensors", {model.state(), {{"model", "patch-flow"}}});
  try {
    load_splat_vae(folder.path());
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              (folder / "model.safetensors").string() +
                  ": expected a model of splat-vae, it holds one of patch-flow");
  }
}

TEST(ModelFile, RefusesWhatIsNoModel) {
  const testing::TemporaryFolder folder;
  const auto refused = [&](const fs::path& path) {
    try {
      load_splat_vae(path);
      ADD_FAILURE() << path << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    }
  };
  refused(folder / "nothing");
  refused(folder.path());
  std::ofstream(folder / "text.safetensors") << "this is text";
  refused(folder / "text.safetensors");
  std::ofstream(folder / "text.pt") << "this is text";
  refused(folder / "text.pt");
  const SplatVae model({.image_size = 16, .packets = 7, .latent = 5});
  TensorFile lying{model.state(), {{"image_size", "32"}}};
  write_safetensors(folder / "lying.safetensors", lying);
  refused(folder / "lying.safetensors");
  TensorFile less{model.state(), {}};
  less.tensors.erase("enc.fc_lv.bias");
  write_safetensors(folder / "less.safetensors", less);
  refused(folder / "less.safetensors");
  save_splat_vae(folder / "cut.safetensors", model);
  fs::resize_file(folder / "cut.safetensors", fs::file_size(folder / "cut.safetensors") / 2);
  refused(folder / "cut.safetensors");
}

}  // namespace
}  // namespace neurosplat
