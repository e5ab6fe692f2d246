#include "neurosplat/systems/waveform/waveform_autoencoder.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/metrics/linear_floor.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

WaveformArchitecture tiny() {
  return {.image_size = 32, .latent = 8, .electrodes = 3, .samples = 20, .width = 8};
}

/// Slow waves of random colours, [count, 3, 32, 32].
at::Tensor random_pictures(std::int64_t count) {
  const auto place = at::arange(32) / 32.0;
  const auto waves =
      at::stack({at::ones({32}), at::cos(3.14159 * place), at::cos(6.28318 * place)});
  const auto weights = at::randn({count, 3, 3, 3}, at::detail::createCPUGenerator(11), at::kFloat);
  return (0.5 + 0.06 * at::einsum("bcij,ix,jy->bcxy", {weights, waves, waves})).clamp(0, 1);
}

at::Tensor bytes_of(const at::Tensor& pictures) {
  return (pictures * 255).round().to(at::kByte);
}

PictureParts once(const at::Tensor& pictures) {
  return [pictures, given = false]() mutable -> std::optional<at::Tensor> {
    if (std::exchange(given, true)) return std::nullopt;
    return pictures;
  };
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
  auto linear = tiny(), splats = tiny(), perceptron = tiny(), author = tiny(), leaky = tiny();
  splats.image_head = "splats";
  perceptron.waveform_encoder = "mlp";
  author.network = leaky.network = "author";
  leaky.leaky_skips = true;
  linear.linear_code = true;
  for (const auto& sizes : {tiny(), linear, splats, perceptron, author, leaky}) {
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

/// However loud a picture is, its latent's deviation stays below 2, and grows with the picture's.
TEST(WaveformAutoencoder, LatentsOfOursAreBounded) {
  const at::NoGradGuard no_gradient;
  auto sizes = tiny();
  sizes.linear_code = true;
  const WaveformAutoencoder model(sizes, 2);
  model.fit_linear_code(once(bytes_of(random_pictures(64))));
  const auto picture = random_pictures(1) - 0.5;
  double before = 0;
  for (const double loud : {0.2, 1.0, 5.0, 1000.0}) {
    const auto deviation =
        model.encode(0.5 + loud * picture).latent.square().mean().sqrt().item<double>();
    EXPECT_GT(deviation, before);
    EXPECT_LE(deviation, 2 + 1e-5);
    before = deviation;
  }
  EXPECT_NEAR(before, 2, 1e-3);
}

/// Before any training a linear code draws pictures nearly as well as its principal components do.
TEST(WaveformAutoencoder, BeginsWithPrincipalComponents) {
  const at::NoGradGuard no_gradient;
  auto sizes = tiny();
  sizes.linear_code = true;
  sizes.latent = 48;
  const WaveformAutoencoder model(sizes, 2);
  const auto pictures = random_pictures(64);
  const auto error = [&] {
    return (model.decode(model.encode(pictures).latent) - pictures).square().mean().item<double>();
  };
  const double unfitted = error();
  model.fit_linear_code(once(bytes_of(pictures)));
  const auto floor =
      project(fit_linear_floor(bytes_of(at::cat({pictures, pictures.flip(3)})), 48), pictures);
  const double best = (floor - pictures).square().mean().item<double>();
  EXPECT_LT(error(), 3 * best + 1e-3);
  EXPECT_LT(error(), 0.5 * unfitted);
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
           [](auto& s) { s.leaky_skips = true; },
           [](auto& s) { s.linear_code = true, s.image_size = 16; },
           [](auto& s) { s.linear_code = true, s.network = "author"; },
           [](auto& s) { s.image_head = "x"; }, [](auto& s) { s.waveform_encoder = "x"; }}) {
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
    sizes.linear_code = sizes.network == "ours";
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

// Sizes that are allowed one by one, and together would take hundreds of gigabytes.
TEST(WaveformModelFile, IsNotBelievedToBeLargerThanItIs) {
  const testing::TemporaryFolder folder;
  save_waveform_autoencoder(folder / "model.safetensors", WaveformAutoencoder(tiny(), 4), {});
  auto content = read_safetensors(folder / "model.safetensors");
  for (const char* key : {"latent", "electrodes", "samples"}) content.metadata[key] = "4096";
  write_safetensors(folder / "large.safetensors", content);
  try {
    load_waveform_autoencoder(folder / "large.safetensors");
    FAIL() << "it was believed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("expected at least 6871"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace neurosplat
