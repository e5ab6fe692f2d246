#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "neurosplat/io/safetensors.h"

namespace neurosplat {

struct RotationOptions {
  std::int64_t steps = 300;  ///< >= 1
  std::int64_t batch = 64;   ///< pictures, a quarter of each rotation; a multiple of 4
  double learning_rate = 2e-3;
};

/// A small network that tells by which quarter turns a picture was rotated (Gidaris et al. 2018): a
/// feature space that was trained on the pictures at hand without labels. Layers of 32, 64,
/// 96, 128 and 128 channels, 5x5 and then 3x3, stride 2, ReLU; the features are the means of the
/// last maps. Frontal faces are told apart easily, so that it knows their layout rather than
/// their details: one space beside others.
class RotationClassifier {
 public:
  static constexpr std::int64_t kFeatures = 128;

  /// Weights by name as save() gives them: float32, finite. Throws Error for others.
  explicit RotationClassifier(const TensorFile& file);

  TensorFile save() const { return {weights_, {{"network", "rotation classifier"}}}; }

  /// Of pictures [B, 3, H, W], floating-point in [0, 1], H and W >= 8: float32 [B, kFeatures] on
  /// the weights' device, without gradients; a few pictures at a time. Throws Error for others.
  at::Tensor features(const at::Tensor& pictures) const;

  /// Share of the four rotations of square pictures as above that it tells, [0, 1]; chance is .25.
  double accuracy(const at::Tensor& pictures) const;

 private:
  std::map<std::string, at::Tensor> weights_;
};

/// Trains one from random weights with Adam, the rate falling as half a cosine, on batches of
/// pictures drawn with replacement from pictures [M, 3, S, S], uint8 or floating-point in [0, 1],
/// half of them mirrored. The same generator's state and threads give the same classifier. On one
/// core 300 steps of 64 pictures of 64 pixels take half a minute. Throws UsageError for options,
/// Error for pictures.
RotationClassifier train_rotation_classifier(const at::Tensor& pictures,
                                             const RotationOptions& options,
                                             const at::Generator& generator);

}  // namespace neurosplat
