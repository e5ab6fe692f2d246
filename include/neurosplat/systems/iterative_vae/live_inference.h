#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/data/whitening.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/signals/signal_sink.h"
#include "neurosplat/systems/iterative_vae/iterative_inference.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

struct LiveInferenceSettings {
  std::int64_t size = 128;  ///< pixels of the whitened frame's side, a multiple of the patches'
  std::int64_t steps = 1;   ///< of inference a frame
  bool guard = false;       ///< as of InferenceOptions
  bool mirrored = false;    ///< as of WhiteningOptions
  std::uint64_t seed = 0;   ///< of spikes and of the neurons in the raster
};

/// Throws UsageError for settings out of range, a size that the model's patches do not divide and
/// patches that are no squares.
void check(const LiveInferenceSettings& settings, const IterativeVae& model);

/// Watches frames with an iterative VAE: each becomes a grey centre square, is whitened as patches
/// to train on are (data/whitening.h) and cut into patches, which one batch infers; the state
/// carries over from frame to frame. Panels: grey, whitened, reconstruction, and the spikes of some
/// neurons in the last frames.
class LiveInference {
 public:
  static constexpr std::int64_t kRasterFrames = 128, kRasterNeurons = 128;

  LiveInference(const IterativeVae& model, const LiveInferenceSettings& settings);

  /// Its numbers are those of inference_columns(); a frame of one grey has none, and is inferred as
  /// zeros.
  SeenFrame see(const Frame& frame);
  /// What was active in the last frame's last step: float32 [n, 3], patch, neuron (of the patch),
  /// activity.
  at::Tensor spikes() const;
  static SignalDescription signal();
  /// Back to the prior, and the raster emptied.
  void reset();

 private:
  at::Tensor whitened_frame(const at::Tensor& grey) const;
  at::Tensor patches_of(const at::Tensor& picture) const;
  at::Tensor picture_of(const at::Tensor& patches) const;
  void remember_spikes(const at::Tensor& activity);
  double mean_rate() const;

  LiveInferenceSettings settings_;
  WhiteningOptions whitening_;
  std::int64_t side_, tiles_;  ///< pixels of a patch's side; patches along a side
  IterativeInference inference_;
  bool poisson_;
  at::Tensor shown_;   ///< int64 [kRasterNeurons]: places in the batch's activities
  at::Tensor raster_;  ///< float32 [kRasterNeurons, kRasterFrames], newest at the right
};

/// r2 (mean over patches), zeros (share of activities), rate (mean over latents; of Gaussian
/// latents the size of activities).
std::vector<LiveColumn> inference_columns();

}  // namespace neurosplat
