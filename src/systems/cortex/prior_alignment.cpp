#include "neurosplat/systems/cortex/prior_alignment.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/cortex/agreement_experiment.h"
#include "neurosplat/systems/cortex/agreement_gate.h"
#include "neurosplat/systems/cortex/gaze.h"
#include "systems/cortex/demo_gaze.h"

namespace neurosplat {
namespace {

/// Moved down and right; what comes in repeats the edge.
at::Tensor moved(const at::Tensor& picture, std::int64_t rows, std::int64_t columns) {
  const auto places = [](std::int64_t length, std::int64_t by) {
    return (at::arange(length, at::kLong) - by).clamp(0, length - 1);
  };
  return picture.index_select(0, places(picture.size(0), rows))
      .index_select(1, places(picture.size(1), columns));
}

PriorScore score(const PriorAlignmentRequest& request, const std::string& name,
                 const at::Tensor& prior) {
  const auto& frame = request.frame;
  const auto height = frame.size(0), width = frame.size(1);
  PriorScore result{};
  result.name = name;
  result.prior = prior;
  result.gain_map = AgreementGate().gain(frame, prior);
  const auto saliency = gaussian_blur(1.0 - result.gain_map, kDemoSaliencySigma);
  const auto let_in = result.gain_map * (frame - prior);
  Gaze gaze = demo_gaze(frame);
  auto agreement = at::zeros_like(frame);
  for (std::int64_t i = 0; i < request.fixations; ++i) {
    const auto fixation = look(gaze, saliency);
    agreement = request.decay * agreement +
                fovea(height, width, fixation, request.fovea, at::kDouble) * let_in;
  }
  result.percept = (prior + agreement).clamp(0.0, 1.0);
  result.gain = result.gain_map.mean().item<double>();
  result.prior_db = map_psnr_db(prior, frame);
  result.percept_db = map_psnr_db(result.percept, frame);
  return result;
}

}  // namespace

std::array<PriorScore, 3> run_prior_alignment(const PriorAlignmentRequest& request) {
  const at::NoGradGuard no_gradient;
  const auto& frame = request.frame;
  if (frame.dim() != 2 || frame.scalar_type() != at::kDouble ||
      request.other.sizes() != frame.sizes() || request.other.scalar_type() != at::kDouble) {
    throw UsageError(text("frame and other: expected float64 [H, W] of one size, got ",
                          frame.sizes(), " and ", request.other.sizes()));
  }
  if (request.fixations < 0) throw UsageError("fixations: expected 0 or more");
  const auto aligned = gaussian_blur(frame, request.sigma);
  return {score(request, "aligned", aligned),
          score(request, "shifted", moved(aligned, request.shift_rows, request.shift_columns)),
          score(request, "other", gaussian_blur(request.other, request.sigma))};
}

at::Tensor prior_alignment_figure(const std::array<PriorScore, 3>& scores) {
  std::vector<std::vector<at::Tensor>> rows;
  for (const auto& one : scores) {
    rows.push_back({with_label(grey_picture(one.prior),
                               text(one.name, " prior, ", fixed(one.prior_db, 2), " dB")),
                    with_label(magma(one.gain_map), text("gain, mean ", fixed(one.gain, 3))),
                    with_label(grey_picture(one.percept),
                               text("percept, ", fixed(one.percept_db, 2), " dB"))});
  }
  return sheet_of(rows);
}

}  // namespace neurosplat
