#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace neurosplat {

/// Does a linear operator on a few principal components foresee the next frame better than no
/// operator does? docs/neuro-splat.md, "Koopman probe", and beside it the same without a look at
/// the test frames.
struct KoopmanRequest {
  at::Tensor frames;  ///< float [T, H, W] in [0, 1]
  std::int64_t components = 24;
  std::int64_t fitted = 40;   ///< first frames, that the operator is fitted to; the rest test it
  std::int64_t anchors = 21;  ///< values of a from 0 to 1 in K(a) = I + a (K - I)
  std::int64_t shown = 43;    ///< frame that the figure and the mass are taken from
};

/// Mean PSNR over the test frames t of what is foreseen for t + 1, clipped to [0, 1].
struct KoopmanScores {
  double free_db;                ///< decode(K z_t)
  double latent_persistence_db;  ///< decode(z_t)
  double static_mean_db;         ///< the mean of the frames that the basis is fitted to
  std::vector<double> anchored_db;
  double best_anchor, best_anchored_db;  ///< over the test frames themselves
  at::Tensor k;                          ///< [components, components], z(t+1) = K z(t)
};

struct KoopmanResult {
  /// As the original has it: the principal components and the mean are those of all frames, also
  /// of those that test it; only K is fitted to the first `fitted` alone.
  KoopmanScores all_frames;
  /// The same with components and mean of the fitted frames, so that no test frame was seen; of
  /// `fitted_components` components, as many as asked for or as those frames have.
  KoopmanScores fitted_frames;
  std::int64_t fitted_components;
  double persistence_db;  ///< the frame t itself; needs no basis
  std::vector<double> anchor;
  /// Share of the map's mass in its largest tenth of pixels, for |f(t+1) - f(t)| and for
  /// |f(t) - blur of 3 pixels|, at the shown frame.
  double temporal_mass, static_mass;
  /// Of the shown frame and the one after it, by the components of all frames, [H, W].
  at::Tensor now, next, free_prediction, latent_prediction, temporal, fixed;
};

/// Throws UsageError when there are too few frames or components.
KoopmanResult run_koopman_probe(const KoopmanRequest& request);

/// Frames, predictions, both surprises and PSNR over a; float [3, ., .].
at::Tensor koopman_figure(const KoopmanResult& result);

}  // namespace neurosplat
