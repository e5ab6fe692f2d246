#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

inline constexpr std::int64_t kColours = 3;
inline constexpr std::int64_t kPacketNumbers = packet::numbers(kColours);
inline constexpr std::int64_t kSmallestMap = 4;  // pixels a side where the encoders stop

/// What a SplatVae is made of. Shapes are checked by their owner.
class SplatVaeNetworks : public torch::nn::Module {
 public:
  virtual Posterior encode(const at::Tensor& pictures) = 0;
  virtual at::Tensor decode(const at::Tensor& latents) = 0;
  /// Fits what is fitted rather than learned, see SplatVae::fit_linear_code.
  virtual void fit(const PictureParts& /*next*/) {}
};

/// The reference's (docs/neuro-splat.md, "Networks").
std::shared_ptr<SplatVaeNetworks> make_published_networks(const SplatVaeArchitecture& sizes,
                                                          std::uint64_t seed);
/// A linear code and residual networks around it (docs/flowers.md, "The residual networks").
std::shared_ptr<SplatVaeNetworks> make_residual_networks(const SplatVaeArchitecture& sizes,
                                                         std::uint64_t seed);

}  // namespace neurosplat
