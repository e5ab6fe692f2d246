// Both networks against a transcription of their description in Python, in double precision.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

/// Weights that start as zero would hide what they multiply.
void stir(const PatchFlow& model) {
  const at::NoGradGuard no_gradient;
  const auto generator = at::detail::createCPUGenerator(5);
  for (const auto& [name, weight] : model.state()) {
    at::Tensor(weight).add_(at::randn(weight.sizes(), generator, at::kFloat), 0.1);
  }
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() /
         (1e-12 + other.norm().item<double>());
}

/// One network and what it is asked.
struct Case {
  PatchFlow model;
  at::Tensor noisy, times;
  Conditions conditions = {};

  explicit Case(const PatchFlowArchitecture& sizes)
      : model(sizes, 3),
        noisy(at::randn({3, 3, sizes.image_size, sizes.image_size},
                        at::detail::createCPUGenerator(4), at::kFloat)),
        times(at::tensor({0.0F, 0.37F, 0.984375F})) {
    stir(model);
    if (sizes.vision_size() == 0) return;
    const auto generator = at::detail::createCPUGenerator(6);
    conditions.vision = at::randn({3, sizes.vision_size()}, generator, at::kFloat);
    conditions.semantic = at::randn({3, sizes.semantic_size()}, generator, at::kFloat);
    conditions.weights = at::rand({3, 2}, generator, at::kFloat);
  }

  void write(const std::filesystem::path& path) const {
    const auto& sizes = model.architecture();
    TensorFile file;
    for (const auto& [name, tensor] : model.state()) file.tensors[name] = tensor.detach();
    file.tensors["noisy"] = noisy;
    file.tensors["times"] = times;
    if (!conditions.none()) {
      file.tensors["vision"] = conditions.vision;
      file.tensors["semantic"] = conditions.semantic;
      file.tensors["weights"] = conditions.weights;
    }
    file.metadata = {{"network", sizes.network},
                     {"image_size", std::to_string(sizes.image_size)},
                     {"patch", std::to_string(sizes.patch)},
                     {"width", std::to_string(sizes.width)},
                     {"depth", std::to_string(sizes.depth)},
                     {"heads", std::to_string(sizes.heads)}};
    write_safetensors(path, file);
  }

  void compare(const std::filesystem::path& path) const {
    const auto expected = read_safetensors(path).tensors;
    const auto tokens = model.predict(noisy, times, conditions);
    EXPECT_LT(distance(tokens.detach().flatten(1, 2), expected.at("tokens")), 2e-6);
    tokens.square().sum().backward();
    for (const auto& [name, tensor] : model.state()) {
      if (!tensor.requires_grad()) continue;  // what conditions are standardised by
      ASSERT_TRUE(tensor.grad().defined()) << name;
      // Softmax does not know its keys' bias: no slope but rounding.
      if (name.ends_with("key.bias")) continue;
      EXPECT_LT(distance(tensor.grad(), expected.at("gradient." + name)), 2e-5) << name;
    }
  }
};

TEST(PatchFlowInPython, TokensAndGradientsAgree) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "needs torch and safetensors in .venv: scripts/setup.sh";
  const std::vector<Case> cases = {
      Case({.network = "author", .image_size = 24, .width = 32, .depth = 2, .heads = 4}),
      Case({.image_size = 32, .width = 48, .depth = 2, .heads = 2, .hidden = 40}),
      Case({.image_size = 12,
            .patch = 4,
            .width = 32,
            .depth = 1,
            .heads = 1,
            .hidden = 24,
            .head = "pixels"}),
      Case({.image_size = 16,
            .width = 32,
            .depth = 2,
            .heads = 1,
            .hidden = 24,
            .vision = "thumbnail",
            .semantic = "statistics"})};
  const testing::TemporaryFolder folder;
  std::vector<std::string> command = {
      *python, (testing::source_folder() / "tests/systems/patch_flow/reference_patch_flow.py")};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    command.push_back((folder / std::to_string(i)).string());
    std::filesystem::create_directory(command.back());
    cases[i].write(folder / std::to_string(i) / "case.safetensors");
  }
  const auto run = testing::run_command(command);
  ASSERT_EQ(run.status, 0) << run.errors;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    cases[i].compare(folder / std::to_string(i) / "expected.safetensors");
  }
}

}  // namespace
}  // namespace neurosplat
