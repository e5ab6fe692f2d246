#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// What is expected of a frame: called with each frame [H, W], float in [0, 1], in turn, it gives a
/// picture of the same size. Some remember the frames before. docs/neuro-splat.md, "Expectations".
using Expectation = std::function<at::Tensor(const at::Tensor& frame)>;

inline constexpr double kGistSigma = 5.0;  ///< pixels

/// The frame's own blur.
Expectation blurred_gist(double sigma = kGistSigma);

struct ModelGistOptions {
  /// Decode a sample of the posterior, as the reference does, rather than its mean: the gist
  /// flickers from frame to frame.
  bool sample = false;
  std::uint64_t seed = 0;  ///< of the samples
  /// Applied to the latent before it is decoded, [latent, latent]; undefined for none.
  at::Tensor koopman = {};
};

/// The frame through the model: scaled to its size, grey in all channels, encoded, decoded, drawn,
/// averaged over channels, scaled back. Throws UsageError when `koopman` does not fit the model.
Expectation model_gist(const SplatVae& model, const ModelGistOptions& options = {});

/// What `expect` made of the frame before, the first frame's blur at the start and whenever the
/// size changes. Without `expect`, that frame itself.
Expectation of_the_frame_before(Expectation expect = {});

}  // namespace neurosplat
