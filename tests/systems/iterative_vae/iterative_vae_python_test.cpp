// Sixteen steps against a transcription of the formulas in Python.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <string>

#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/iterative_vae/counted_noise.h"
#include "systems/iterative_vae/planted_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kPictures = 6, kMost = 9;

struct Case {
  std::string model, activation, relaxation, kl;
  std::int64_t frames, inner;
};

class IterativeVaeInPython : public ::testing::TestWithParam<Case> {};

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).norm().item<double>() /
         (1e-12 + other.norm().item<double>());
}

TEST_P(IterativeVaeInPython, AgreesInStatesLossAndGradients) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "needs torch and safetensors in .venv: scripts/setup.sh";
  const auto& tested = GetParam();
  const auto model = testing::planted_model(
      {.model = tested.model, .activation = tested.activation, .pixels = 48, .latents = 64});
  ivae::LoopSettings settings;
  settings.frames = tested.frames;
  settings.inner = tested.inner;
  settings.beta = 5;
  settings.beta_inner = 0.4;
  settings.exact_kl = tested.kl == "exact";
  settings.counting =
      tested.relaxation == "cubic" ? ivae::Counting::cubic : ivae::Counting::sigmoid;
  settings.temperature = 0.2;
  settings.openness = 0.7;
  settings.most.assign(static_cast<std::size_t>(settings.samples()), kMost);
  settings.seed = 31;
  const auto x = at::randn({kPictures, 48}, at::detail::createCPUGenerator(8), at::kFloat);

  TensorFile file;
  for (const auto& [name, tensor] : model.state()) file.tensors[name] = tensor.detach();
  file.tensors["x"] = x;
  testing::CountedNoise noise(settings);
  for (std::int64_t sample = 0; sample < settings.samples(); ++sample) {
    file.tensors[text("noise.", sample)] = tested.model == "poisson"
                                               ? noise.waits(sample, {kMost, kPictures, 64})
                                               : noise.normal(sample, {kPictures, 64});
  }
  file.metadata = {{"model", tested.model},
                   {"activation", tested.activation},
                   {"relaxation", tested.relaxation},
                   {"kl", tested.kl},
                   {"frames", std::to_string(tested.frames)},
                   {"inner", std::to_string(tested.inner)},
                   {"beta", text(settings.beta)},
                   {"beta_inner", text(settings.beta_inner)},
                   {"temperature", text(settings.temperature)},
                   {"openness", text(settings.openness)}};
  const testing::TemporaryFolder folder;
  write_safetensors(folder / "case.safetensors", file);
  const auto script =
      testing::source_folder() / "tests/systems/iterative_vae/reference_iterative_vae.py";
  const auto run = testing::run_command({*python, script.string(), folder.path().string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;

  InferenceState state;
  for (const auto& initial : model.initial()) state.push_back(initial.expand({kPictures, -1}));
  const auto result = ivae::fused_loop(model, x, state, settings);
  result.loss.backward();
  for (std::size_t i = 0; i < result.state.size(); ++i) {
    EXPECT_LT(distance(result.state[i], expected.at(text("state.", i))), 1e-5);
  }
  for (std::size_t t = 0; t < result.nll_by_frame.size(); ++t) {
    const auto frame = static_cast<std::int64_t>(t);
    EXPECT_NEAR(result.nll_by_frame[t] / expected.at("nll")[frame].item<double>(), 1, 1e-5);
    EXPECT_NEAR(result.kl_by_frame[t] / expected.at("kl")[frame].item<double>(), 1, 1e-4);
  }
  for (const auto& [name, weight] : model.state()) {
    EXPECT_LT(distance(weight.grad(), expected.at("gradient." + name)), 5e-5) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, IterativeVaeInPython,
                         ::testing::Values(Case{"poisson", "identity", "sigmoid", "coded", 16, 1},
                                           Case{"poisson", "identity", "cubic", "exact", 5, 3},
                                           Case{"gaussian", "identity", "sigmoid", "coded", 16, 1},
                                           Case{"gaussian", "relu", "sigmoid", "coded", 6, 2}),
                         [](const auto& tested) {
                           return tested.param.model + "_" + tested.param.activation + "_" +
                                  std::to_string(tested.param.frames * tested.param.inner);
                         });

}  // namespace
}  // namespace neurosplat
