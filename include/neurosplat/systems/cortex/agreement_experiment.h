#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/figure/drawing.h"
#include "neurosplat/systems/cortex/gaze.h"

namespace neurosplat {

/// Rows [top, bottom) and columns [left, right) of a picture.
struct Box {
  int top = 40, bottom = 110, left = 150, right = 220;
  bool operator==(const Box&) const = default;
};

/// The picture with the box turned by 90 degrees and brought back to its old mean and spread,
/// clipped to [0, 1]: a change that no first-order statistics give away. picture: [H, W]; the box
/// must be square and inside. docs/neuro-splat.md, "Change experiment".
at::Tensor with_turned_box(const at::Tensor& picture, const Box& box);

/// The world against an expectation, and both against what is held after some fixations.
struct AgreementRequest {
  at::Tensor picture;  ///< what was, float64 [H, W] in [0, 1]; the gist is its blur
  at::Tensor world;    ///< what is, of the same size
  Box box = {};        ///< where they differ
  std::int64_t fixations = 14;
  double gist_sigma = 5.0;  ///< pixels, as all below
  double decay = 0.55;      ///< of the agreement, each fixation
  double fovea = 14.0;
  std::int64_t window = 18;  ///< half a side of the windows that are scored round fixations
};

/// Where the change is found, by phase and by intensity.
struct NoveltyRequest {
  at::Tensor picture, world;  ///< as above
  Box box = {};
  std::int64_t fixations = 6;
  double settled_sigma = 1.0;  ///< blur of the settled expectation, pixels
};

struct AgreementResult {
  double gist_db, held_db, stitch_db;  ///< PSNR against the world, peak 1, not clipped
  double window_gist_db, window_held_db;
  double surprise_before, surprise_after;  ///< mean in the box
  std::vector<double> surprise;            ///< mean in the box before each fixation
  std::vector<Fixation> fixations;
  at::Tensor gist, held, stitch, agreement, first_surprise;  ///< [H, W]
};

/// Fixations with the gain computed anew each time: the agreement lets the gated residual in, a
/// stitch the whole residual, and the gist itself moves towards what it disagrees with.
/// docs/neuro-splat.md, "Change experiment".
AgreementResult run_agreement(const AgreementRequest& request);

struct NoveltyResult {
  /// Share of the smoothed map's mass inside the box over the box's share of the area.
  double enrichment_intensity, enrichment_phase;
  std::int64_t fixations_in_box;
  std::vector<Fixation> fixations;
  at::Tensor settled, surprise;  ///< [H, W]
};

/// docs/neuro-splat.md, "Change experiment", its second half.
NoveltyResult run_novelty(const NoveltyRequest& request);

/// The reference's figures: labelled panels, float [3, ., .].
at::Tensor agreement_figure(const AgreementRequest& request, const AgreementResult& result);
at::Tensor novelty_figure(const NoveltyRequest& request, const NoveltyResult& result);

/// Fixations as places to draw.
std::vector<Place> places_of(const std::vector<Fixation>& fixations);

}  // namespace neurosplat
