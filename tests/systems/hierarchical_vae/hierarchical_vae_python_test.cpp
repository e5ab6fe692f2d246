// The networks against the same layers in Python.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() / other.norm().item<double>();
}

TEST(HierarchicalVaeInPython, NetworksAgree) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "SKIPPED: needs torch and safetensors in .venv: scripts/setup.sh";
  const at::NoGradGuard no_gradient;
  const HierarchicalVae model({.image_size = 32,
                               .width = 16,
                               .latent_channels = 3,
                               .blocks = {1, 2, 1, 2, 1},
                               .encoder_blocks = {1, 1, 2, 0, 1}},
                              3);
  const auto generator = at::detail::createCPUGenerator(4);
  TensorFile file;
  for (const auto& [name, tensor] : model.state()) {
    // Layers that begin as zeros too.
    tensor.add_(0.05 * at::randn(tensor.sizes(), generator, at::kFloat));
    file.tensors[name] = tensor.detach().contiguous();
  }
  // With values at both ends, which take the tails.
  const auto pictures =
      (at::rand({2, 3, 32, 32}, generator) * 300 - 20).round().clamp(0, 255) / 255;
  file.tensors["pictures"] = pictures;
  // The noise that elbo() draws, in its order.
  const auto again = at::detail::createCPUGenerator(5);
  for (std::size_t block = 0; block < model.levels().size(); ++block) {
    const auto [channels, side] = model.levels()[block];
    file.tensors["noise_" + std::to_string(block)] =
        at::randn({2, side, side, channels}, again, at::kFloat).permute({0, 3, 1, 2}).contiguous();
  }
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "case.safetensors", file);
  const auto done = testing::run_command(
      {*python,
       (testing::source_folder() / "tests/systems/hierarchical_vae/reference_hierarchical_vae.py")
           .string(),
       folder.path().string()});
  ASSERT_EQ(done.status, 0) << done.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;
  const auto latents = model.encode(pictures);
  for (std::size_t block = 0; block < latents.size(); ++block) {
    EXPECT_LT(distance(latents[block], expected.at("mean_" + std::to_string(block))), 1e-4)
        << block;
  }
  EXPECT_LT(distance(model.decode(latents), expected.at("all")), 1e-5);
  EXPECT_LT(distance(model.decode({latents.begin(), latents.begin() + 4}), expected.at("coarse")),
            1e-5);
  const auto elbo = model.elbo(pictures, at::detail::createCPUGenerator(5));
  EXPECT_LT(distance(elbo.reconstruction, expected.at("reconstruction")), 1e-5);
  const auto bits = model.bits_per_dimension(pictures, at::detail::createCPUGenerator(5));
  EXPECT_LT(distance(bits.kl, expected.at("kl")), 1e-4);
}

}  // namespace
}  // namespace neurosplat
