// Two processes against one that has all rows, in LibTorch's own layers.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/processes/process_group.h"
#include "support/process_group.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::kFloat);
}

class ProcessGroup : public ::testing::Test {
 protected:
  /// Once for all: starting processes is what takes time.
  static void SetUpTestSuite() {
    if (!has_process_groups()) return;
    const TemporaryFolder folder;
    in.tensors = {{"maps", 3 + 2 * normal({6, 5, 4, 3}, 1)},
                  {"pull", normal({6, 5, 4, 3}, 2)},
                  {"weight", normal({5}, 3)},
                  {"bias", normal({5}, 4)},
                  {"rows", normal({6, 7}, 5)}};
    write_safetensors(folder / "in", in);
    first = run_two({program("processes_worker"), "in", "out"}, folder.path(), &other);
    for (const char* name : {"out.0", "out.1"}) {
      if (other == 0 && first.status == 0) outs.push_back(read_safetensors(folder / name));
    }
    left = run_two({program("processes_worker"), "leave", "in"}, folder.path());
  }
  void SetUp() override {
    if (!has_process_groups()) GTEST_SKIP() << "libgloo-dev is not installed";
    ASSERT_EQ(first.status, 0) << first.errors;
    ASSERT_EQ(other, 0);
  }

  static const at::Tensor& of(std::size_t rank, const std::string& name) {
    return outs[rank].tensors.at(name);
  }
  /// Rows of both, where they belong.
  static at::Tensor together(const std::string& name, std::int64_t dimension = 0) {
    return at::stack({of(0, name), of(1, name)}, dimension + 1).flatten(dimension, dimension + 1);
  }
  /// LibTorch's own, in double precision, for the rows of all.
  static torch::nn::BatchNorm2d whole_layer() {
    const at::NoGradGuard no_gradient;
    torch::nn::BatchNorm2d layer(5);
    layer->to(at::kDouble);
    layer->weight.copy_(in.tensors.at("weight"));
    layer->bias.copy_(in.tensors.at("bias"));
    return layer;
  }
  static void expect_near(const at::Tensor& found, const at::Tensor& expected, double bound) {
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_LE((found.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>(), bound);
  }

  inline static TensorFile in;
  inline static std::vector<TensorFile> outs;
  inline static Finished first, left;
  inline static int other = -1;
};

TEST_F(ProcessGroup, AddsUpAndTells) {
  for (const std::size_t rank : {0, 1}) {
    expect_near(of(rank, "rows"), in.tensors.at("rows") * 1.5, 1e-6);
    expect_near(of(rank, "weight"), in.tensors.at("weight") * 1.5, 1e-6);
    EXPECT_EQ(of(rank, "number").item<double>(), 1.5);
    EXPECT_TRUE(of(rank, "many").eq(1.5).all().item<bool>());
    EXPECT_TRUE(of(rank, "largest").equal(at::tensor({2.0, -1.0})));
    EXPECT_EQ(outs[rank].metadata.at("told"), "of the first; again");
    // Float32 of 42 rows, 5 weights, a number and 2.1 million; two doubles.
    EXPECT_EQ(of(rank, "bytes").item<std::int64_t>(), 4 * (42 + 5 + 1 + 2100000) + 8 * 2);
  }
  EXPECT_TRUE(of(0, "rows").equal(of(1, "rows")));
}

TEST_F(ProcessGroup, BatchNormIsThatOfAllRows) {
  auto layer = whole_layer();
  const auto maps = in.tensors.at("maps").to(at::kDouble).requires_grad_();
  const auto result = layer->forward(maps);
  (result * in.tensors.at("pull")).sum().backward();
  expect_near(together("result"), result.detach(), 1e-5);
  // The loss is a sum: each process pulls at its own rows, and gradients are averaged.
  expect_near(together("maps.grad"), maps.grad(), 1e-5);
  expect_near(of(0, "weight.grad") + of(1, "weight.grad"), layer->weight.grad(), 1e-4);
  layer->eval();
  for (const std::size_t rank : {0, 1}) {
    expect_near(of(rank, "mean"), layer->running_mean, 1e-6);
    expect_near(of(rank, "variance"), layer->running_var, 1e-6);
  }
  expect_near(together("tested"), layer->forward(in.tensors.at("maps").to(at::kDouble)).detach(),
              1e-5);
}

TEST_F(ProcessGroup, BatchNormOfMapsInBf16) {
  auto layer = whole_layer();
  const auto maps = in.tensors.at("maps").to(at::kBFloat16).to(at::kDouble).requires_grad_();
  const auto result = layer->forward(maps);
  (result * in.tensors.at("pull").to(at::kBFloat16)).sum().backward();
  ASSERT_EQ(of(0, "bf16.result").scalar_type(), at::kBFloat16);
  // Half a unit in the last of bf16's eight bits, of the largest numbers; thrice for the gradient,
  // which is a sum of two.
  constexpr double kRounding = 1.0 / 512;
  const auto largest = [](const at::Tensor& numbers) { return numbers.abs().max().item<double>(); };
  expect_near(together("bf16.result"), result.detach(), kRounding * largest(result.detach()));
  expect_near(together("bf16.grad"), maps.grad(), 3 * kRounding * largest(maps.grad()));
  expect_near(of(0, "bf16.mean"), layer->running_mean, 1e-6);
}

TEST_F(ProcessGroup, GradientsOfWhatCouplesRows) {
  const auto rows = in.tensors.at("rows").to(at::kDouble).requires_grad_();
  const auto middle = rows.mean(0);
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (const std::int64_t rank : {0, 1}) {
    const auto own = rows.slice(0, rank, 6, 2);
    const auto each = (middle.cos() * own).mean() + at::mm(own, rows.t()).sin().mean();
    expect_near(of(static_cast<std::size_t>(rank), "loss"), each.detach().view({1}), 1e-6);
    loss = loss + each / 2;
  }
  loss.backward();
  // Of the mean loss, times the processes.
  expect_near(together("rows.grad"), rows.grad() * 2, 1e-6);
}

TEST_F(ProcessGroup, NoiseIsThatOfOne) {
  const auto generator = at::detail::createCPUGenerator(7);
  expect_near(together("normal"), processes::normal_rows({6, 4}, generator), 0);
  expect_near(together("uniform", 1), processes::uniform_rows({5, 6}, generator, 1), 0);
  const auto after = at::randn({2}, generator, at::kFloat);
  for (const std::size_t rank : {0, 1}) expect_near(of(rank, "after"), after, 0);
}

TEST_F(ProcessGroup, OneThatLeavesIsMissed) {
  EXPECT_EQ(left.status, 1);
  EXPECT_NE(left.errors.find("expected all 2 to add up, process 0 got: "), std::string::npos)
      << left.errors;
  EXPECT_EQ(std::count(left.errors.begin(), left.errors.end(), '\n'), 1) << left.errors;
}

}  // namespace
}  // namespace neurosplat::testing
