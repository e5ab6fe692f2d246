#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace neurosplat {

/// What a picture shows, as a row of numbers under a name, for models that are told what to draw:
/// - "thumbnail": 192, the mean colours of 8 x 8 areas: channel by channel, row by row.
/// - "statistics": 448, RandomFeatures of seed 0: how much there is of which colours, edges and
///   textures, not where.
/// - "lite0": 1280, the pooled features of EfficientNet-Lite0 (feature_network_file()): what an
///   ImageNet classifier sees.
class PictureDescriptor {
 public:
  /// Throws UsageError for another name, Error for lite0 without its weights.
  explicit PictureDescriptor(const std::string& name, const at::Device& device = at::kCPU);

  const std::string& name() const { return name_; }

  /// Of pictures [B, 3, H, W], floating-point in [0, 1], H and W at least 8: float32 [B, numbers]
  /// on the descriptor's device, without gradients. Throws Error for others.
  at::Tensor operator()(const at::Tensor& pictures) const;

 private:
  std::string name_;
  at::Device device_;
  std::function<at::Tensor(const at::Tensor&)> describe_;
};

std::vector<std::string> picture_descriptor_names();

/// How many numbers a descriptor gives. Throws UsageError for a name that is none.
std::int64_t picture_descriptor_size(const std::string& name);

}  // namespace neurosplat
