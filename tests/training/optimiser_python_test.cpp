// Adam, AdamW, Adamax, accumulation and the weights' average against real PyTorch, which does them
// in double precision.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/training/optimiser.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSteps = 30;

/// Weights of odd shapes as start.NAME; gradients [batches, ...] as gradient.NAME, every other
/// step's small.
TensorFile random_start(std::int64_t accumulate) {
  auto generator = at::detail::createCPUGenerator(3);
  const std::map<std::string, std::vector<std::int64_t>> shapes = {{"conv.0.weight", {7, 3, 5, 2}},
                                                                   {"conv.1.weight", {3, 1, 2, 2}},
                                                                   {"fc.bias", {33}},
                                                                   {"fc.weight", {130, 65}},
                                                                   {"scale", {}}};
  TensorFile file;
  for (const auto& [name, sizes] : shapes) {
    file.tensors["start." + name] = at::randn(sizes, generator, at::kFloat);
    std::vector<at::Tensor> gradients;
    for (std::int64_t batch = 0; batch < kSteps * accumulate; ++batch) {
      const double scale = batch / accumulate % 2 == 0 ? 1.0 : 0.01;
      gradients.push_back(at::randn(sizes, generator, at::kFloat) * scale);
    }
    file.tensors["gradient." + name] = at::stack(gradients);
  }
  return file;
}

/// The weights as leaves, four-dimensional ones with the channels last, beside a constant.
std::map<std::string, at::Tensor> leaves(const TensorFile& start) {
  std::map<std::string, at::Tensor> named = {{"conv.0.running_mean", at::ones({7})}};
  const std::string prefix = "start.";
  for (const auto& [name, value] : start.tensors) {
    if (!name.starts_with(prefix)) continue;
    const auto format =
        value.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    named[name.substr(prefix.size())] = value.clone(format).requires_grad_();
  }
  return named;
}

void write_case(const std::filesystem::path& folder, const OptimiserOptions& options) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "case.json")
      << nlohmann::json{{"kind", name_of(options.kind)}, {"lr", options.lr},
                        {"beta1", options.beta1},        {"beta2", options.beta2},
                        {"epsilon", options.epsilon},    {"weight_decay", options.weight_decay},
                        {"clip", options.clip},          {"accumulate", options.accumulate},
                        {"average", options.average}};
  write_safetensors(folder / "start.safetensors", random_start(options.accumulate));
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other).abs().max().item<double>();
}

void expect_agreement(const OptimiserOptions& options,
                      const std::map<std::string, at::Tensor>& expected) {
  const auto start = random_start(options.accumulate);
  const auto named = leaves(start);
  Optimiser optimiser(named, options);
  std::int64_t clipped = 0;
  for (std::int64_t batch = 0; batch < kSteps * options.accumulate; ++batch) {
    auto loss = at::zeros({});
    for (const auto& [name, weights] : named) {
      if (!weights.requires_grad()) continue;
      loss = loss + (weights * start.tensors.at("gradient." + name)[batch]).sum();
    }
    const auto step = batch / options.accumulate;
    optimiser.set_learning_rate(options.lr / static_cast<double>(1 + step % 3));
    const bool due = (batch + 1) % options.accumulate == 0;
    ASSERT_EQ(optimiser.backward_and_step(loss), due);
    if (!due) continue;
    const double norm = expected.at("norms")[step].item<double>();
    EXPECT_NEAR(optimiser.gradient_norm(), norm, 1e-6 * norm);
    if (norm > options.clip) ++clipped;
  }
  EXPECT_EQ(optimiser.steps(), kSteps);
  EXPECT_EQ(clipped, options.clip > 0 ? kSteps / 2 : kSteps);
  const auto averaged = optimiser.averaged();
  EXPECT_EQ(averaged.size(), named.size() - 1);
  // Weights are of the order of 1 and rounded to float32 in each step.
  constexpr double kRounding = 2e-6;
  for (const auto& [name, mean] : averaged) {
    EXPECT_LT(distance(named.at(name).detach(), expected.at("weights." + name)), kRounding) << name;
    const char* kind = options.average > 0 ? "average." : "weights.";
    EXPECT_LT(distance(mean, expected.at(kind + name)), kRounding) << name;
  }
  EXPECT_TRUE(at::equal(named.at("conv.0.running_mean"), at::ones({7})));
}

TEST(Optimiser, AgreesWithPyTorchOverThirtySteps) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  using enum OptimiserKind;
  const OptimiserOptions other = {
      .lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-2, .weight_decay = 0.05, .clip = 5};
  const std::map<std::string, OptimiserOptions> cases = {
      {"adam", {.lr = 0.01, .clip = 5}},
      {"adam of other betas", other},
      {"adamw", {.kind = adamw, .lr = 0.01, .weight_decay = 0.05, .clip = 5}},
      {"adamax", {.kind = adamax, .lr = 0.01, .clip = 5}},
      {"adamax of other betas",
       [&] {
         auto o = other;
         o.kind = adamax;
         return o;
       }()},
      {"three batches a step", {.lr = 0.01, .clip = 5, .accumulate = 3}},
      {"average", {.kind = adamw, .lr = 0.01, .weight_decay = 0.05, .average = 0.9}}};
  const testing::TemporaryFolder folder;
  const auto script = testing::source_folder() / "tests/training/reference_optimiser.py";
  std::vector<std::string> command = {*python, script.string()};
  for (const auto& [name, options] : cases) {
    write_case(folder / name, options);
    command.push_back((folder / name).string());
  }
  const auto run = testing::run_command(command);
  ASSERT_EQ(run.status, 0) << run.errors;
  for (const auto& [name, options] : cases) {
    SCOPED_TRACE(name);
    expect_agreement(options, read_safetensors(folder / name / "expected.safetensors").tensors);
  }
}

}  // namespace
}  // namespace neurosplat
