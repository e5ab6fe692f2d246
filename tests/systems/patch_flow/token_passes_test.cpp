// Fused passes against the same formulas as tensors in double precision, whose gradients autograd
// finds.
#include "systems/patch_flow/tokens/token_passes.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"

namespace neurosplat {
namespace {

using Tensors = std::vector<at::Tensor>;
using Pass = std::function<Tensors(const Tensors&)>;

constexpr std::int64_t kPictures = 3, kTokens = 5, kHeads = 2, kHeadChannels = 32, kChannels = 48;

at::Tensor drawn(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

double distance(const at::Tensor& one, const at::Tensor& other) {
  return (one.to(at::kDouble) - other.to(at::kDouble)).norm().item<double>() /
         (1e-12 + other.to(at::kDouble).norm().item<double>());
}

/// What a pass gives for `inputs`, then the gradients by them of a weighted sum of it.
Tensors everything_of(const Pass& pass, const Tensors& inputs) {
  Tensors leaves;
  for (const auto& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  auto results = pass(leaves);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto weights = drawn(results[i].sizes(), 100 + i);
    sum = sum + (results[i].to(at::kDouble) * weights).sum();
  }
  sum.backward();
  for (const auto& leaf : leaves) results.push_back(leaf.grad());
  return results;
}

Tensors in_double(const Tensors& tensors) {
  Tensors doubles;
  for (const auto& tensor : tensors) doubles.push_back(tensor.to(at::kDouble));
  return doubles;
}

void expect_alike(const Pass& fused, const Pass& eager, const Tensors& inputs, double bound) {
  const auto ours = everything_of(fused, inputs);
  const auto expected = everything_of(eager, in_double(inputs));
  ASSERT_EQ(ours.size(), expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LT(distance(ours[i], expected[i]), bound) << "tensor " << i;
  }
}

tokens::Rotation rotation() {
  const auto angles = drawn({kTokens, kHeadChannels / 2}, 9);
  return {angles.cos(), angles.sin()};
}

Tensors listed(const tokens::HeadParts& parts) {
  return {parts.query, parts.key, parts.value};
}

/// A pass in both forms and what it takes.
struct Case {
  Pass fused, eager;
  Tensors inputs;
};

Case modulated_case() {
  return {[](const Tensors& t) { return Tensors{tokens::modulated(t[0], t[1], t[2])}; },
          [](const Tensors& t) { return Tensors{tokens::eager::modulated(t[0], t[1], t[2])}; },
          {drawn({kPictures, kTokens, kChannels}, 1), drawn({kPictures, kChannels}, 2),
           drawn({kPictures, kChannels}, 3)}};
}

Case gated_sum_case() {
  return {[](const Tensors& t) { return Tensors{tokens::gated_sum(t[0], t[1], t[2])}; },
          [](const Tensors& t) { return Tensors{tokens::eager::gated_sum(t[0], t[1], t[2])}; },
          {drawn({kPictures, kTokens, kChannels}, 1), drawn({kPictures, kChannels}, 2),
           drawn({kPictures, kTokens, kChannels}, 3)}};
}

Case heads_case() {
  return {
      [](const Tensors& t) { return listed(tokens::head_parts(t[0], t[1], rotation())); },
      [](const Tensors& t) { return listed(tokens::eager::head_parts(t[0], t[1], rotation())); },
      {drawn({kPictures, kTokens, 3 * kHeads * kHeadChannels}, 1), drawn({2, kHeadChannels}, 2)}};
}

Case swiglu_case() {
  return {[](const Tensors& t) { return Tensors{tokens::swiglu(t[0])}; },
          [](const Tensors& t) { return Tensors{tokens::eager::swiglu(t[0])}; },
          {3 * drawn({kPictures, kTokens, 2 * kChannels}, 1)}};
}

TEST(TokenPasses, AreTheirFormulas) {
  for (const auto& each : {modulated_case(), gated_sum_case(), heads_case(), swiglu_case()}) {
    expect_alike(each.fused, each.eager, each.inputs, 2e-6);
  }
}

/// bfloat16 holds 8 bits: a rounding is 1/512 at most, and noise of half of that stays.
TEST(TokenPasses, TakeAndGiveBFloat16) {
  constexpr double kBound = 4e-3;
  for (const auto& each : {heads_case(), swiglu_case()}) {
    auto inputs = each.inputs;
    inputs[0] = inputs[0].to(at::kBFloat16);
    EXPECT_EQ(each.fused(inputs).front().scalar_type(), at::kBFloat16);
    expect_alike(each.fused, each.eager, inputs, kBound);
  }
  auto gated = gated_sum_case();
  gated.inputs[2] = gated.inputs[2].to(at::kBFloat16);
  EXPECT_EQ(gated.fused(gated.inputs).front().scalar_type(), at::kFloat);
  expect_alike(gated.fused, gated.eager, gated.inputs, kBound);
  const AutocastScope autocast(true, at::kCPU);
  const auto modulated = modulated_case();
  EXPECT_EQ(modulated.fused(modulated.inputs).front().scalar_type(), at::kBFloat16);
  expect_alike(modulated.fused, modulated.eager, modulated.inputs, kBound);
}

/// LibTorch rounds to the nearest, ties to even, and keeps infinities and NaNs.
TEST(TokenPasses, RoundAsLibTorchDoes) {
  const auto x = at::zeros({1, 1, 16}, at::kFloat), gate = at::ones({1, 16}, at::kFloat);
  auto numbers = drawn({1, 64, 16}, 4);
  numbers[0][0][0] = 1 + 1.0 / 256;  // half way, down to even
  numbers[0][0][1] = 1 + 3.0 / 256;  // half way, up to even
  numbers[0][0][2] = std::numeric_limits<float>::infinity();
  numbers[0][0][3] = std::numeric_limits<float>::quiet_NaN();
  const auto y = at::zeros(numbers.sizes(), at::kBFloat16).requires_grad_(true);
  tokens::gated_sum(x.expand_as(numbers), gate, y).backward(numbers);
  EXPECT_TRUE(at::allclose(y.grad().to(at::kFloat), numbers.to(at::kBFloat16).to(at::kFloat), 0, 0,
                           /*equal_nan=*/true));
}

/// Other widths and types go the eager way.
TEST(TokenPasses, ServeWhatFillsNoVectors) {
  const auto joined = drawn({2, 3, 10}, 1);
  EXPECT_TRUE(tokens::swiglu(joined).equal(tokens::eager::swiglu(joined)));
  const auto doubles = in_double(modulated_case().inputs);
  EXPECT_EQ(modulated_case().fused(doubles).front().scalar_type(), at::kDouble);
  const auto rows = drawn({2, 3, 24}, 1), scales = drawn({2, 4}, 2), angles = drawn({3, 2}, 3);
  EXPECT_EQ(tokens::head_parts(rows, scales, {angles.cos(), angles.sin()}).query.sizes(),
            at::IntArrayRef({2, 2, 3, 4}));
}

}  // namespace
}  // namespace neurosplat
