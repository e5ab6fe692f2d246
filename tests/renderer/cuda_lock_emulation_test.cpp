/// The CUDA lock step, run by the emulator, beside PyTorch's Adam on the dense sum in double.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "neurosplat/renderer/packets/renderer.h"
#include "renderer/packets/cuda/cuda_kernels.h"
#include "renderer_cases.h"
#include "renderer_numbers.h"

namespace neurosplat {
namespace {

using testing::RendererCase;

/// The memory of a lock, in tensors.
struct Lock {
  Lock(const packet::cuda::Shape& given, at::Tensor packets, const at::Tensor& picture)
      : shape(given), raw(std::move(packets)), target(picture.contiguous()) {
    const auto pixels = target.numel();
    const auto fresh = [](std::int64_t count) {
      return at::full({count}, std::numeric_limits<float>::quiet_NaN());
    };
    memory.raw = raw.data_ptr<float>();
    memory.target = target.data_ptr<float>();
    memory.step = step.data_ptr<std::int32_t>();
    const auto hold = [&](const at::Tensor& buffer) {
      buffers.push_back(buffer);
      return buffer.data_ptr<float>();
    };
    memory.active = hold(fresh(raw.numel()));
    memory.prepared = hold(fresh(shape.packets * packet::cuda::kPreparedNumbers));
    memory.draw_space = hold(fresh(std::max(packet::cuda::draw_workspace(shape), pixels)));
    memory.field_gradient = hold(fresh(pixels));
    memory.gradient_space = hold(fresh(packet::cuda::gradient_workspace(shape)));
    memory.active_gradient = hold(fresh(raw.numel()));
    memory.raw_gradient = hold(fresh(raw.numel()));
    memory.first_moment = hold(at::zeros({raw.numel()}));
    memory.second_moment = hold(at::zeros({raw.numel()}));
    losses = fresh(packet::cuda::lock_losses(shape));
    memory.losses = losses.data_ptr<float>();
    packet::cuda::activate(shape, memory.raw, memory.active, nullptr);
    packet::cuda::prepare(shape, memory.active, memory.prepared, nullptr);
  }

  double loss() const { return losses.sum().item<double>() / static_cast<double>(target.numel()); }

  packet::cuda::Shape shape;
  at::Tensor raw, target, losses, step = at::zeros({1}, at::kInt);
  std::vector<at::Tensor> buffers;
  packet::cuda::LockMemory memory{};
};

class CudaLockEmulation : public ::testing::TestWithParam<RendererCase> {};

TEST_P(CudaLockEmulation, FollowsAdamOnTheDenseSum) {
  const auto& one = GetParam();
  constexpr double kRate = 0.02;
  const auto start = testing::raw_packets(one);
  const auto target = at::rand({one.channels, one.height, one.width},
                               at::detail::createCPUGenerator(4), at::kFloat);
  Lock lock({1, static_cast<int>(one.packets), static_cast<int>(one.channels),
             static_cast<int>(one.height), static_cast<int>(one.width)},
            start.clone(), target);
  auto exact = start.to(at::kDouble).requires_grad_(true);
  torch::optim::Adam adam({exact}, torch::optim::AdamOptions(kRate));
  for (int step = 0; step < 4; ++step) {
    packet::cuda::lock_step(lock.shape, lock.memory, {.learning_rate = static_cast<float>(kRate)},
                            nullptr);
    adam.zero_grad();
    const auto picture = render(exact, one.height, one.width, {.renderer = RendererKind::dense});
    const auto loss = at::mse_loss(picture[0], target.to(at::kDouble));
    loss.backward();
    adam.step();
    EXPECT_NEAR(lock.loss(), loss.item<double>(), 1e-6 * loss.item<double>());
    // Adam magnifies what the gradient's rounding does to numbers that hardly matter.
    const double apart = (lock.raw - exact.detach()).norm().item<double>();
    const double moved = (exact.detach() - start).norm().item<double>();
    EXPECT_LE(apart, 1e-3 * moved) << step;
  }
  EXPECT_EQ(lock.step.item<std::int32_t>(), 4);
}

INSTANTIATE_TEST_SUITE_P(Renderer, CudaLockEmulation,
                         ::testing::Values(RendererCase{"split_drawing", 1, 100, 3, 40, 70},
                                           RendererCase{"one_packet", 1, 1, 3, 9, 8},
                                           RendererCase{"grey", 1, 33, 1, 30, 66}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace neurosplat
