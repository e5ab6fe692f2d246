#include "renderer/packets/cuda/cuda_lock_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "renderer/packets/cuda/cuda_kernels.h"

namespace neurosplat::packet::cuda {
namespace {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  throw Error(text("CUDA: ", what, " failed: ", cudaGetErrorString(error)));
}

/// Destroys a CUDA object by its type.
struct Destroy {
  void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
  void operator()(cudaGraph_t graph) const { static_cast<void>(cudaGraphDestroy(graph)); }
  void operator()(cudaGraphExec_t graph) const { static_cast<void>(cudaGraphExecDestroy(graph)); }
};
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy>;

Shape checked_shape(std::int64_t packets, std::int64_t height, std::int64_t width,
                    std::int64_t channels) {
  constexpr std::int64_t kMostPackets = 1 << 24, kLargestSide = 1 << 16;
  const auto within = [](std::int64_t value, std::int64_t least, std::int64_t most) {
    return value >= least && value <= most;
  };
  if (!within(packets, 1, kMostPackets) || !within(height, 2, kLargestSide) ||
      !within(width, 2, kLargestSide) || (channels != 1 && channels != 3)) {
    throw UsageError(text("lock step: expected 1 to ", kMostPackets, " packets, sides of 2 to ",
                          kLargestSide, " pixels and 1 or 3 channels, got ", packets, ", ", height,
                          " x ", width, ", ", channels));
  }
  const Shape shape{1, static_cast<int>(packets), static_cast<int>(channels),
                    static_cast<int>(height), static_cast<int>(width)};
  check_size(shape);
  return shape;
}

/// Captures one step. Capturing needs a stream that is not the default one.
Owned<cudaGraphExec_t> capture(const Shape& shape, const LockMemory& memory,
                               const AdamSettings& adam) {
  cudaStream_t made = nullptr;
  check(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "making a stream");
  const Owned<cudaStream_t> stream(made);
  cudaGraph_t captured = nullptr;
  check(cudaStreamBeginCapture(made, cudaStreamCaptureModeThreadLocal), "starting a capture");
  try {
    lock_step(shape, memory, adam, made);
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(made, &captured));
    const Owned<cudaGraph_t> unfinished(captured);
    throw;
  }
  check(cudaStreamEndCapture(made, &captured), "capturing the lock step");
  const Owned<cudaGraph_t> graph(captured);
  cudaGraphExec_t ready = nullptr;
  check(cudaGraphInstantiate(&ready, captured, 0), "making a graph of the lock step");
  return Owned<cudaGraphExec_t>(ready);
}

}  // namespace

struct LockStep::Parts {
  Shape shape;
  c10::Device device;
  at::Tensor raw, target, losses, counter, first_moment, second_moment;
  std::vector<at::Tensor> working_memory;
  LockMemory memory{};
  Owned<cudaGraphExec_t> graph;

  Parts(const Shape& given, c10::Device on) : shape(given), device(on) {
    const auto options = at::device(device).dtype(at::kFloat);
    const std::int64_t numbers = packet::numbers(shape.channels);
    const std::int64_t pixels =
        static_cast<std::int64_t>(shape.channels) * shape.height * shape.width;
    raw = at::zeros({shape.packets, numbers}, options);
    first_moment = at::zeros_like(raw);
    second_moment = at::zeros_like(raw);
    target = at::zeros({shape.channels, shape.height, shape.width}, options);
    counter = at::zeros({1}, options.dtype(at::kInt));
    losses = at::full({lock_losses(shape)}, std::numeric_limits<float>::quiet_NaN(), options);
    const auto scratch = [&](std::int64_t count) {
      working_memory.push_back(at::empty({count}, options));
      return working_memory.back().data_ptr<float>();
    };
    memory.raw = raw.data_ptr<float>();
    memory.active = scratch(raw.numel());
    memory.prepared = scratch(kPreparedNumbers * static_cast<std::int64_t>(shape.packets));
    memory.target = target.const_data_ptr<float>();
    memory.draw_space = scratch(std::max(draw_workspace(shape), pixels));
    memory.field_gradient = scratch(pixels);
    memory.gradient_space = scratch(gradient_workspace(shape));
    memory.active_gradient = scratch(raw.numel());
    memory.raw_gradient = scratch(raw.numel());
    memory.first_moment = first_moment.data_ptr<float>();
    memory.second_moment = second_moment.data_ptr<float>();
    memory.losses = losses.data_ptr<float>();
    memory.step = counter.data_ptr<std::int32_t>();
  }

  void copy(at::Tensor& to, const at::Tensor& from, const char* name) const {
    if (!from.defined() || from.sizes() != to.sizes() || !from.is_floating_point()) {
      throw UsageError(text(name, ": expected ", to.sizes(), " floating-point numbers, got ",
                            from.defined() ? text(from.toString(), " ", from.sizes()) : "none"));
    }
    const at::NoGradGuard no_gradient;
    to.copy_(from);
  }
};

LockStep::LockStep(std::int64_t packets, std::int64_t height, std::int64_t width,
                   double learning_rate, std::int64_t channels) {
  const Shape shape = checked_shape(packets, height, width, channels);
  if (!std::isfinite(learning_rate) || learning_rate <= 0) {
    throw UsageError(text("learning rate: expected a number above 0, got ", learning_rate));
  }
  parts_ = std::make_unique<Parts>(shape, c10::Device(c10::kCUDA, c10::cuda::current_device()));
  const AdamSettings adam{.learning_rate = static_cast<float>(learning_rate)};
  const auto resting = at::zeros_like(parts_->raw);
  set_packets(resting);
  // Once as plain launches: the kernels are loaded at their first, which a capture may not see.
  lock_step(shape, parts_->memory, adam, c10::cuda::getCurrentCUDAStream().stream());
  parts_->graph = capture(shape, parts_->memory, adam);
  set_packets(resting);
}

LockStep::~LockStep() = default;

void LockStep::set_target(const at::Tensor& picture) {
  const c10::cuda::CUDAGuard guard(parts_->device);
  parts_->copy(parts_->target, picture, "target");
}

void LockStep::set_packets(const at::Tensor& raw) {
  const c10::cuda::CUDAGuard guard(parts_->device);
  parts_->copy(parts_->raw, raw, "packets");
  const at::NoGradGuard no_gradient;
  parts_->first_moment.zero_();
  parts_->second_moment.zero_();
  parts_->counter.zero_();
  parts_->losses.fill_(std::numeric_limits<float>::quiet_NaN());
  const Stream stream = c10::cuda::getCurrentCUDAStream().stream();
  activate(parts_->shape, parts_->memory.raw, parts_->memory.active, stream);
  prepare(parts_->shape, parts_->memory.active, parts_->memory.prepared, stream);
}

void LockStep::step(std::int64_t count) {
  if (count < 0) throw UsageError(text("steps: expected a number >= 0, got ", count));
  const c10::cuda::CUDAGuard guard(parts_->device);
  const Stream stream = c10::cuda::getCurrentCUDAStream().stream();
  for (std::int64_t i = 0; i < count; ++i) {
    check(cudaGraphLaunch(parts_->graph.get(), stream), "a lock step");
  }
}

at::Tensor LockStep::packets() const {
  const c10::cuda::CUDAGuard guard(parts_->device);
  return parts_->raw.clone();
}

at::Tensor LockStep::loss() const {
  const c10::cuda::CUDAGuard guard(parts_->device);
  return parts_->losses.sum() / static_cast<double>(parts_->target.numel());
}

}  // namespace neurosplat::packet::cuda
