#include "training/fused_adam.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace neurosplat {
namespace {

constexpr double kClip = 5.0;

std::vector<at::Tensor> random_tensors(at::Generator generator) {
  std::vector<at::Tensor> tensors;
  const std::vector<std::vector<std::int64_t>> shapes = {{7, 3, 4, 4}, {33}, {130, 65}};
  for (const auto& sizes : shapes) {
    tensors.push_back(at::randn(sizes, generator, at::kFloat));
  }
  tensors[0] = tensors[0].contiguous(at::MemoryFormat::ChannelsLast);
  return tensors;
}

std::vector<at::Tensor> leaves(const std::vector<at::Tensor>& values) {
  std::vector<at::Tensor> result;
  for (const auto& value : values) result.push_back(value.clone().requires_grad_());
  return result;
}

void set_gradients(const std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& gradients, double scale) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].mutable_grad() = gradients[i] * scale;
  }
}

// Both round differently: after 20 steps of 0.01 the weights, which are of the order of 1, agree
// to a few units in the last place.
TEST(FusedAdam, AgreesWithTorchsAdamOverTwentySteps) {
  auto generator = at::detail::createCPUGenerator(3);
  const auto start = random_tensors(generator);
  const auto ours = leaves(start), theirs = leaves(start);
  FusedAdam fused(ours, 0.01);
  torch::optim::Adam adam(theirs, torch::optim::AdamOptions(0.01));
  for (int step = 0; step < 20; ++step) {
    const auto gradients = random_tensors(generator);
    const double scale = step % 2 == 0 ? 1.0 : 0.01;  // clipped, and not
    set_gradients(ours, gradients, scale);
    set_gradients(theirs, gradients, scale);
    const double expected = torch::nn::utils::clip_grad_norm_(theirs, kClip);
    EXPECT_NEAR(fused.step(kClip), expected, 1e-5 * expected);
    adam.step();
  }
  EXPECT_EQ(fused.steps(), 20);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT((ours[i] - theirs[i]).abs().max().item<double>(), 2e-6) << i;
  }
}

TEST(FusedAdam, ContinuesExactlyFromItsMoments) {
  auto generator = at::detail::createCPUGenerator(4);
  const auto one = leaves(random_tensors(generator));
  FusedAdam whole(one, 0.01);
  const auto first = random_tensors(generator), second = random_tensors(generator);
  set_gradients(one, first, 1);
  whole.step(kClip);
  const auto other = leaves(one);
  FusedAdam resumed(other, 0.01);
  std::vector<at::Tensor> means, squares;  // contiguous, as files hold them
  for (const auto& moment : whole.first_moments()) means.push_back(moment.contiguous());
  for (const auto& moment : whole.second_moments()) squares.push_back(moment.contiguous());
  resumed.restore(whole.steps(), means, squares);
  set_gradients(one, second, 1);
  set_gradients(other, second, 1);
  whole.step(kClip);
  resumed.step(kClip);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], other[i])) << i;
}

TEST(FusedAdam, LeavesEverythingAloneWhenTheGradientIsNotFinite) {
  auto generator = at::detail::createCPUGenerator(5);
  const auto parameters = leaves(random_tensors(generator));
  const auto before = parameters[2].detach().clone();
  FusedAdam adam(parameters, 0.01);
  set_gradients(parameters, random_tensors(generator), std::numeric_limits<double>::infinity());
  EXPECT_FALSE(std::isfinite(adam.step(kClip)));
  EXPECT_EQ(adam.steps(), 0);
  EXPECT_TRUE(at::equal(parameters[2], before));
}

}  // namespace
}  // namespace neurosplat
