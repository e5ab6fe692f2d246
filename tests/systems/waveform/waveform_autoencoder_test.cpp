#include "neurosplat/systems/waveform/waveform_autoencoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

WaveformArchitecture tiny() {
  return {.image_size = 32, .latent = 8, .electrodes = 3, .samples = 20, .width = 8};
}

std::int64_t count_of(const WaveformAutoencoder& model, const std::string& part) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : model.state()) {
    if (name.starts_with(part) && name.find("running_") == std::string::npos &&
        name.find("num_batches") == std::string::npos) {
      count += tensor.numel();
    }
  }
  return count;
}

/// Sizes of the original: a ResNet-18 (torchvision's 11,689,512 numbers less a linear layer from
/// 512 to 1,000) with one to 128, three linear layers, two, and a linear one with three transposed
/// convolutions.
TEST(WaveformAutoencoder, AuthorsSizes) {
  auto sizes = waveform_preset("author");
  const WaveformAutoencoder model(sizes);
  EXPECT_EQ(count_of(model, "image_encoder."), 11689512 - 513 * 1000 + 513 * 128);
  EXPECT_EQ(count_of(model, "waveform_decoder."), 129 * 256 + 257 * 512 + 513 * 768);
  EXPECT_EQ(count_of(model, "waveform_encoder."), 769 * 256 + 257 * 128);
  EXPECT_EQ(count_of(model, "image_decoder."),
            129 * 256 * 64 + (256 * 128 + 128 * 64 + 64 * 3) * 16 + 128 + 64 + 3);
  sizes.leaky_skips = true;
  EXPECT_EQ(count_of(WaveformAutoencoder(sizes), "image_decoder."),
            129 * 256 * 64 + 2 * (256 * 128 + 128 * 64 + 64 * 3) * 16 + 128 + 64 + 3);
}

TEST(WaveformAutoencoder, ShapesOfEveryKind) {
  const at::NoGradGuard no_gradient;
  auto splats = tiny(), perceptron = tiny(), author = tiny(), leaky = tiny();
  splats.image_head = "splats";
  perceptron.waveform_encoder = "mlp";
  author.network = leaky.network = "author";
  leaky.leaky_skips = true;
  for (const auto& sizes : {tiny(), splats, perceptron, author, leaky}) {
    const WaveformAutoencoder model(sizes, 2);
    const auto code = model.encode(at::rand({2, 3, 32, 32}));
    EXPECT_EQ(code.latent.sizes(), at::IntArrayRef({2, 8}));
    EXPECT_EQ(code.skips.size(), sizes.leaky_skips ? 3U : 0U);
    const auto waveforms = model.waveforms(code.latent);
    EXPECT_EQ(waveforms.sizes(), at::IntArrayRef({2, 3, 20}));
    EXPECT_EQ(model.encode_waveforms(waveforms).sizes(), at::IntArrayRef({2, 8}));
    for (const auto& drawn : {model.decode(code.latent, code.skips), model.decode(code.latent)}) {
      EXPECT_EQ(drawn.sizes(), at::IntArrayRef({2, 3, 32, 32}));
      EXPECT_TRUE(drawn.ge(0).logical_and(drawn.le(1)).all().item<bool>());
    }
  }
}

/// What the leak is: with skips a picture's reconstruction knows it whatever the latent is.
TEST(WaveformAutoencoder, LeakySkipsCarryThePicture) {
  const at::NoGradGuard no_gradient;
  auto sizes = tiny();
  sizes.network = "author";
  sizes.leaky_skips = true;
  const WaveformAutoencoder model(sizes, 2);
  const auto one = model.encode(at::rand({1, 3, 32, 32})),
             other = model.encode(at::rand({1, 3, 32, 32}));
  EXPECT_FALSE(model.decode(one.latent, one.skips).equal(model.decode(one.latent, other.skips)));
}

TEST(WaveformAutoencoder, LatentsOfOursHaveUnitVariance) {
  const at::NoGradGuard no_gradient;
  const WaveformAutoencoder model(tiny(), 2);
  const auto latent = model.encode(at::rand({5, 3, 32, 32})).latent;
  EXPECT_TRUE(latent.mean(1).abs().lt(1e-5).all().item<bool>());
  EXPECT_TRUE(latent.square().mean(1).sub(1).abs().lt(1e-3).all().item<bool>());
}

TEST(WaveformAutoencoder, ScaleGoesBothWays) {
  const WaveformAutoencoder model(tiny());
  model.set_scale(at::tensor({1.0F, -2.0F, 0.0F}), at::tensor({10.0F, 20.0F, 5.0F}));
  const auto recorded = at::randint(-100, 100, {4, 3, 20}, at::kChar);
  const auto standardised = model.standardised(recorded);
  EXPECT_NEAR(standardised[1][1][3].item<double>(), (recorded[1][1][3].item<double>() + 2) / 20,
              1e-5);
  EXPECT_TRUE(model.in_recorded_units(standardised).allclose(recorded.to(at::kFloat), 1e-5, 1e-4));
}

TEST(WaveformAutoencoder, RefusesOtherShapes) {
  const WaveformAutoencoder model(tiny());
  EXPECT_THROW(model.encode(at::rand({1, 3, 16, 16})), UsageError);
  EXPECT_THROW(model.encode(at::zeros({1, 3, 32, 32}, at::kByte)), UsageError);
  EXPECT_THROW(model.waveforms(at::rand({1, 9})), UsageError);
  EXPECT_THROW(model.encode_waveforms(at::rand({1, 3, 48})), UsageError);
  EXPECT_THROW(model.decode(at::rand({8})), UsageError);
  for (auto change : std::vector<std::function<void(WaveformArchitecture&)>>{
           [](auto& s) { s.network = "other"; }, [](auto& s) { s.image_size = 40; },
           [](auto& s) { s.latent = 0; }, [](auto& s) { s.width = 12; },
           [](auto& s) { s.electrodes = 0; }, [](auto& s) { s.samples = 2; },
           [](auto& s) { s.leaky_skips = true; }, [](auto& s) { s.image_head = "x"; },
           [](auto& s) { s.waveform_encoder = "x"; }}) {
    auto sizes = tiny();
    change(sizes);
    EXPECT_THROW(WaveformAutoencoder{sizes}, UsageError);
  }
  EXPECT_THROW(waveform_preset("big"), UsageError);
}

TEST(WaveformModelFile, KeepsTheModel) {
  const at::NoGradGuard no_gradient;
  const testing::TemporaryFolder folder;
  for (const char* network : {"ours", "author"}) {
    auto sizes = tiny();
    sizes.network = network;
    const WaveformAutoencoder model(sizes, 4);
    model.set_scale(at::ones({3}), at::full({3}, 2.0));
    save_waveform_autoencoder(folder / "model.safetensors", model, {{"fold", "3"}});
    const auto stored = load_waveform_autoencoder(folder.path());
    EXPECT_EQ(stored.metadata.at("fold"), "3");
    EXPECT_EQ(stored.model.architecture(), sizes);
    const auto pictures = at::rand({2, 3, 32, 32});
    EXPECT_TRUE(stored.model.encode(pictures).latent.equal(model.encode(pictures).latent));
    EXPECT_TRUE(stored.model.standardised(at::ones({1, 3, 20})).eq(0).all().item<bool>());
  }
}

TEST(WaveformModelFile, RefusesOthers) {
  const testing::TemporaryFolder folder;
  const WaveformAutoencoder model(tiny(), 4);
  const auto file = folder / "model.safetensors";
  const auto expect_refusal = [&](const std::function<void(TensorFile&)>& change) {
    save_waveform_autoencoder(file, model, {});
    auto content = read_safetensors(file);
    change(content);
    write_safetensors(file, content);
    EXPECT_THROW(load_waveform_autoencoder(file), Error);
  };
  expect_refusal([](auto& content) { content.metadata["model"] = "patch-flow"; });
  expect_refusal([](auto& content) { content.metadata.erase("latent"); });
  expect_refusal([](auto& content) { content.metadata["latent"] = "1e9"; });
  expect_refusal([](auto& content) { content.metadata["latent"] = "16"; });
  expect_refusal([](auto& content) { content.tensors.erase("scale.mean"); });
  EXPECT_THROW(load_waveform_autoencoder(folder / "none.safetensors"), Error);
}

}  // namespace
}  // namespace neurosplat
