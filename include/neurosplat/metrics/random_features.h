#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

namespace neurosplat {

/// A convolutional network of random weights that never learns: a feature space that knows no data
/// set, beside trained ones. Three layers of 32, 64 and 128 channels, 5x5 and then 3x3, stride 2,
/// ReLU, weights N(0, 2 / inputs) (He et al. 2015, so that layers keep the variance). Features are
/// each channel's mean and standard deviation over the picture, of all layers. A Fréchet distance
/// of them compares within this project only.
class RandomFeatures {
 public:
  static constexpr std::int64_t kFeatures = 2 * (32 + 64 + 128);

  /// One seed is one network on every device, up to rounding.
  explicit RandomFeatures(std::uint64_t seed = 0, const at::Device& device = at::kCPU);

  /// Of pictures [B, 3, H, W], floating-point in [0, 1], H and W >= 8: float32 [B, kFeatures] on
  /// the network's device, without gradients; a few pictures at a time. Throws Error for others.
  at::Tensor operator()(const at::Tensor& pictures) const;

 private:
  std::vector<at::Tensor> weights_;
};

}  // namespace neurosplat
