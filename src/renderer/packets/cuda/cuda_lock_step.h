#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace neurosplat::packet::cuda {

/// Locks packets onto one picture: draw with a sigmoid, mean squared error, its gradient and Adam,
/// as four kernels captured once in a CUDA graph. Works on the device that is current when it is
/// made. Calls go to that device's current stream and do not wait for it, copies from the CPU
/// apart; use one stream throughout.
class LockStep {
 public:
  /// N packets of `channels` (1 or 3) on height x width pixels; Adam with PyTorch's other defaults.
  /// Throws UsageError for sizes it does not serve and Error when the capture fails.
  LockStep(std::int64_t packets, std::int64_t height, std::int64_t width, double learning_rate,
           std::int64_t channels = 3);
  ~LockStep();
  LockStep(const LockStep&) = delete;
  LockStep& operator=(const LockStep&) = delete;

  /// The picture [C, H, W], 0..1, from any device.
  void set_target(const at::Tensor& picture);
  /// Raw packets [N, 5 + 2C] from any device; Adam starts again.
  void set_packets(const at::Tensor& raw);
  /// Makes `count` steps.
  void step(std::int64_t count = 1);
  /// The raw packets now, a copy on the device.
  at::Tensor packets() const;
  /// Mean squared error before the last step, [] on the device; NaN before the first.
  at::Tensor loss() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace neurosplat::packet::cuda
