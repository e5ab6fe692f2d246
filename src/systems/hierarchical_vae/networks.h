#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "systems/hierarchical_vae/likelihood.h"

namespace neurosplat {

/// Pixels a side of each level, coarse to fine.
std::array<std::int64_t, kHierarchicalLevels> sides_of(const HierarchicalVaeArchitecture& sizes);

/// GELU and a convolution, four times: 1 x 1 to a quarter of the channels, 3 x 3, 3 x 3, 1 x 1;
/// all are 1 x 1 on maps of less than 3 pixels a side.
struct BottleneckImpl : torch::nn::Module {
  BottleneckImpl(std::int64_t in, std::int64_t middle, std::int64_t out, std::int64_t side,
                 bool residual);
  at::Tensor forward(const at::Tensor& x);
  /// What lies between the first layer and the last.
  at::Tensor inner(const at::Tensor& h);

  bool residual_;
  torch::nn::Conv2d c1, c2, c3, c4;
};
TORCH_MODULE(Bottleneck);

/// Gives the latents of a block their values, from the prior or else from the posterior.
using LatentChoice = std::function<at::Tensor(std::size_t block, const DiagonalNormal& prior,
                                              const std::function<DiagonalNormal()>& posterior)>;

/// One block of the way down: prior, posterior, what the latents add, a residual block.
struct TopDownBlockImpl : torch::nn::Module {
  TopDownBlockImpl(std::int64_t width, std::int64_t latents, std::int64_t side);
  /// `activation`: the GELU of the encoder's map, undefined where no posterior will be asked for.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& activation, std::size_t block,
                     const LatentChoice& choose);

  /// The prior's last layer gives latents' parameters, `feature`, beside it, what x gains. The
  /// posterior's first layer sees both maps: c1 the decoder's, from_encoder the encoder's.
  Bottleneck prior, posterior, residual;
  torch::nn::Conv2d feature, from_encoder, from_latents;
};
TORCH_MODULE(TopDownBlock);

/// What a picture is drawn from: a logistic distribution for each number, in units where 0 is -1
/// and 255 is 1.
struct PictureDistribution {
  at::Tensor mean, log_scale;  ///< [B, 3, S, S]
};

/// Both ways, and what draws the picture.
class HierarchicalVaeNetworks : public torch::nn::Module {
 public:
  HierarchicalVaeNetworks(const HierarchicalVaeArchitecture& sizes, std::uint64_t seed);

  /// GELU of the encoder's map of every level, coarse to fine.
  std::vector<at::Tensor> activations(const at::Tensor& pictures);
  /// `activations` are empty where no posterior will be asked for.
  PictureDistribution decode(std::int64_t count, const std::vector<at::Tensor>& activations,
                             const LatentChoice& choose);
  const at::Tensor& weight() const { return starts_.front(); }

 private:
  PictureDistribution draw(const at::Tensor& x);
  void scale_down();

  HierarchicalVaeArchitecture sizes_;
  torch::nn::Conv2d stem = nullptr;
  /// Of each level: blocks up, blocks down, from the finer level, from the coarser one.
  std::vector<torch::nn::ModuleList> up_, down_;
  std::vector<torch::nn::Conv2d> narrow_, widen_;
  std::vector<at::Tensor> starts_;
  torch::nn::Conv2d to_pixels = nullptr, pixels_1 = nullptr, pixels_2 = nullptr, picture = nullptr;
};

}  // namespace neurosplat
