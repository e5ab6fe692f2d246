// The original's networks against the same layers in Python.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/waveform/waveform_autoencoder.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() / other.norm().item<double>();
}

TEST(WaveformInPython, AuthorsNetworksAgree) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "SKIPPED: needs torch and safetensors in .venv: scripts/setup.sh";
  const at::NoGradGuard no_gradient;
  for (const bool leaky : {false, true}) {
    auto sizes = waveform_preset("author");
    sizes.leaky_skips = leaky;
    const WaveformAutoencoder model(sizes, 3);
    const auto generator = at::detail::createCPUGenerator(4);
    TensorFile file;
    for (const auto& [name, tensor] : model.state()) {
      // Means and variances of their own, as a trained network has them.
      if (name.ends_with("running_mean")) tensor.copy_(at::randn(tensor.sizes(), generator));
      if (name.ends_with("running_var")) tensor.copy_(at::rand(tensor.sizes(), generator) + 0.5);
      if (tensor.is_floating_point()) file.tensors[name] = tensor.detach().contiguous();
    }
    const auto pictures = at::rand({2, 3, 64, 64}, generator);
    const auto waveforms = at::randn({2, 16, 48}, generator);
    file.tensors["pictures"] = pictures;
    file.tensors["waveforms"] = waveforms;
    const testing::TemporaryFolder folder;
    write_safetensors(folder / "case.safetensors", file);
    const auto done = testing::run_command(
        {*python,
         (testing::source_folder() / "tests/systems/waveform/reference_waveform.py").string(),
         folder.path().string()});
    ASSERT_EQ(done.status, 0) << done.errors;
    const auto expected = read_safetensors(folder / "expected.safetensors").tensors;
    const auto code = model.encode(pictures);
    EXPECT_LT(distance(code.latent, expected.at("latent")), 1e-5);
    EXPECT_LT(distance(model.waveforms(code.latent), expected.at("waveform")), 1e-5);
    const auto of_waveforms = model.encode_waveforms(waveforms);
    EXPECT_LT(distance(of_waveforms, expected.at("waveform_latent")), 1e-5);
    EXPECT_LT(distance(model.decode(of_waveforms, code.skips), expected.at("drawn")), 1e-5);
  }
}

}  // namespace
}  // namespace neurosplat
