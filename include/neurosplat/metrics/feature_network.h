#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace neurosplat {

/// EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation, ReLU6), trained on
/// ImageNet, as it infers. It is not Inception: a Fréchet distance of its features ("FD-Lite0")
/// compares with others of this project only and is no FID. Weights do not learn and stay on their
/// device.
class FeatureNetwork {
 public:
  static constexpr std::int64_t kSide = 224;       ///< of prepared pictures, pixels
  static constexpr std::int64_t kFeatures = 1280;  ///< channels of the maps
  static constexpr std::int64_t kClasses = 1000;   ///< ImageNet's
  static constexpr std::int64_t kBlocks = 16;

  /// Reads a safetensors file of the published state dict: its names, float32. Throws Error, one
  /// line, for a tensor that is missing, unknown, of another shape or type, or not finite.
  explicit FeatureNetwork(const std::filesystem::path& file, const at::Device& device = at::kCPU);

  /// Pictures [B, 3, H, W], RGB in [0, 1], floating-point, as the network wants them: float32
  /// [B, 3, 224, 224] on its device, (255 x - 127) / 128. The short side becomes 224 pixels
  /// (bicubic, smoothed when it shrinks, overshoot kept), then the centre. Gradients pass.
  at::Tensor prepare(const at::Tensor& pictures) const;

  /// Pictures [B, 3, H, W] as above at their own size: (255 x - 127) / 128. Gradients pass.
  static at::Tensor scaled(const at::Tensor& pictures);

  /// What blocks, ascending numbers in [0, kBlocks), give: the maps of the projection, before any
  /// ReLU6. Of scaled() float32 pictures [B, 3, H, W] on its device, H and W multiples of 32, so
  /// that all layers halve evenly. Gradients pass.
  std::vector<at::Tensor> block_maps(const at::Tensor& scaled,
                                     const std::vector<std::int64_t>& blocks) const;

  /// The last maps, [B, 1280, 7, 7] in [0, 6], of prepared pictures. Gradients pass.
  at::Tensor maps(const at::Tensor& prepared) const;

  /// Their means, [B, 1280], without gradients; a few pictures at a time, so that memory stays
  /// bounded.
  at::Tensor pooled(const at::Tensor& prepared) const;

  /// Of each class before the softmax, [B, 1000], without gradients. Likewise.
  at::Tensor logits(const at::Tensor& prepared) const;

 private:
  class Weights;
  /// With the batch norm after it folded in.
  struct Convolution {
    at::Tensor weight, bias;
    std::int64_t stride, groups;

    at::Tensor operator()(const at::Tensor& input) const;
  };
  struct Block {
    std::optional<Convolution> expand;
    Convolution depthwise, project;
    bool residual;

    at::Tensor operator()(const at::Tensor& input) const;
  };
  void read_blocks(Weights& weights);

  Convolution stem_, head_;
  std::vector<Block> blocks_;
  at::Tensor class_weight_, class_bias_;
};

/// Where the weights are: $NEUROSPLAT_FEATURES, else neurosplat/efficientnet-lite0.safetensors in
/// $XDG_CACHE_HOME or ~/.cache. Throws Error when there is no such file.
std::filesystem::path feature_network_file();

}  // namespace neurosplat
