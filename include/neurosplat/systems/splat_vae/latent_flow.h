#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "neurosplat/systems/splat_vae/latent_prior.h"
#include "neurosplat/training/flow_matching.h"

namespace neurosplat {

class LatentFlowNetwork;

struct LatentFlowSizes {
  std::int64_t latent = 128;  ///< numbers of a latent
  std::int64_t width = 256;   ///< channels
  std::int64_t depth = 4;     ///< blocks
  bool operator==(const LatentFlowSizes&) const = default;
};

/// Throws UsageError unless the sizes can be built.
void check(const LatentFlowSizes& sizes);

/// What the training pictures' latents have beyond their Gaussian: flow matching
/// (training/flow_matching.h) over whitened latents (latent_prior.h). With c = t^2 + (1 - t)^2 it
/// foretells
///   t z / c + (1 - t) / sqrt(c) f(z / sqrt(c), t),
/// where the first term is the best prediction for N(0, I) and the factor of f its error, so that f
/// learns in units of it; f is 0 at first, and the flow then leads to the fitted Gaussian. Copies
/// share their weights.
class LatentFlow {
 public:
  /// Weights are drawn from a generator seeded with `seed`.
  explicit LatentFlow(const LatentFlowSizes& sizes, std::uint64_t seed = 0);

  const LatentFlowSizes& sizes() const;
  /// z [B, latent] at times [B] in [0, 1) to the clean whitened latents foretold.
  at::Tensor clean(const at::Tensor& z, const at::Tensor& times) const;
  /// Squared error of what is foretold in units of the Gaussian's, mean over the numbers: [B].
  /// What knows the Gaussian alone has 1 on its latents.
  at::Tensor relative_error(const at::Tensor& latents, const at::Tensor& noise,
                            const at::Tensor& times) const;
  void to(const at::Device& device) const;

  /// The network's own tensors.
  std::map<std::string, at::Tensor> state() const;
  /// Copies; throws Error where one is missing or of another shape.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;

 private:
  LatentFlowSizes sizes_;
  std::shared_ptr<LatentFlowNetwork> network_;
};

/// noise [B, latent] of N(0, I) to latents along the flow. On the CPU, where the prior is.
at::Tensor with_flow(const LatentFlow& flow, const LatentPrior& prior, const at::Tensor& noise,
                     const FlowSteps& steps = {});

/// Adds its weights to the tensors of a file, as `flow.NAME`.
void add_flow(const LatentFlow& flow, std::map<std::string, at::Tensor>& tensors);
/// The flow of a file, its sizes inferred; nothing where there is none. Throws Error when it is of
/// another `latent`, or its tensors do not fit together or are not finite.
std::optional<LatentFlow> flow_of(const std::map<std::string, at::Tensor>& tensors,
                                  std::int64_t latent);

}  // namespace neurosplat
