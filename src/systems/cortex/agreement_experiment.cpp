#include "neurosplat/systems/cortex/agreement_experiment.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/cortex/agreement_gate.h"
#include "systems/cortex/demo_gaze.h"

namespace neurosplat {
namespace {

/// How the gist learns from what it disagrees with.
constexpr double kGistRate = 0.9, kGistSigma = 2.0;

void check_pair(const at::Tensor& picture, const at::Tensor& world, const Box& box) {
  if (picture.dim() != 2 || picture.scalar_type() != at::kDouble ||
      world.scalar_type() != at::kDouble || world.sizes() != picture.sizes()) {
    throw UsageError(text("picture and world: expected float64 [H, W] of one size, got ",
                          picture.sizes(), " and ", world.sizes()));
  }
  if (box.top < 0 || box.left < 0 || box.bottom <= box.top || box.right <= box.left ||
      box.bottom > picture.size(0) || box.right > picture.size(1)) {
    throw UsageError(text("box: expected rows and columns inside ", picture.size(1), "x",
                          picture.size(0), ", got rows ", box.top, "-", box.bottom, ", columns ",
                          box.left, "-", box.right));
  }
}

at::Tensor inside(const at::Tensor& map, const Box& box) {
  return map.slice(0, box.top, box.bottom).slice(1, box.left, box.right);
}

bool holds(const Box& box, const Fixation& at) {
  return at.row >= box.top && at.row < box.bottom && at.column >= box.left && at.column < box.right;
}

double mean_of(const at::Tensor& map) {
  return map.mean().item<double>();
}

/// Mean PSNR of the windows round the fixations, cut off at the edges.
double window_psnr(const at::Tensor& a, const at::Tensor& world,
                   const std::vector<Fixation>& fixations, std::int64_t half) {
  double sum = 0.0;
  for (const auto& [row, column] : fixations) {
    const auto window = [&, r = row, c = column](const at::Tensor& map) {
      return map.slice(0, std::max<std::int64_t>(r - half, 0), r + half)
          .slice(1, std::max<std::int64_t>(c - half, 0), c + half);
    };
    sum += map_psnr_db(window(a), window(world));
  }
  return sum / static_cast<double>(fixations.size());
}

double enrichment(const at::Tensor& map, const Box& box) {
  const auto smooth = gaussian_blur(map, kDemoSaliencySigma);
  auto masked = at::zeros_like(smooth);
  const auto height = map.size(0) - 2 * kDemoBorder, width = map.size(1) - 2 * kDemoBorder;
  const auto keep = [&](const at::Tensor& whole) {
    return whole.narrow(0, kDemoBorder, height).narrow(1, kDemoBorder, width);
  };
  keep(masked).copy_(keep(smooth));
  const double share = inside(masked, box).sum().item<double>() / masked.sum().item<double>();
  const double area = static_cast<double>((box.bottom - box.top) * (box.right - box.left));
  return share / (area / static_cast<double>(height * width));
}

at::Tensor boxed(const at::Tensor& picture, const Box& box) {
  return with_box(picture, box.top, box.bottom, box.left, box.right, kGreen);
}

/// A map over its largest number, in magma.
at::Tensor surprise_picture(const at::Tensor& map) {
  return magma(map / std::max(map.max().item<double>(), 1e-12));
}

}  // namespace

at::Tensor with_turned_box(const at::Tensor& picture, const Box& box) {
  const at::NoGradGuard no_gradient;
  check_pair(picture, picture, box);
  if (box.bottom - box.top != box.right - box.left) {
    throw UsageError(text("box: expected a square to turn, got ", box.bottom - box.top, " rows, ",
                          box.right - box.left, " columns"));
  }
  const auto patch = inside(picture, box), turned = patch.rot90(1, {0, 1});
  const auto spread = [](const at::Tensor& map) { return map.std(0, false).item<double>(); };
  const double scale = spread(patch.flatten()) / std::max(spread(turned.flatten()), 1e-12);
  auto world = picture.clone();
  inside(world, box).copy_(((turned - mean_of(turned)) * scale + mean_of(patch)).clamp(0.0, 1.0));
  return world;
}

AgreementResult run_agreement(const AgreementRequest& request) {
  const at::NoGradGuard no_gradient;
  check_pair(request.picture, request.world, request.box);
  if (request.fixations < 1 || request.window < 1) {
    throw UsageError("fixations and window: expected at least 1");
  }
  AgreementResult result{};
  const auto& world = request.world;
  const AgreementGate gate;
  Gaze gaze = demo_gaze(world);
  result.gist = gaussian_blur(request.picture, request.gist_sigma);
  auto gist = result.gist;
  result.agreement = at::zeros_like(world);
  auto stitch = at::zeros_like(world);
  for (std::int64_t i = 0; i < request.fixations; ++i) {
    const auto gain = gate.gain(world, gist), surprise = 1.0 - gain;
    if (i == 0) result.first_surprise = surprise;
    result.surprise.push_back(mean_of(inside(surprise, request.box)));
    const auto fixation = look(gaze, gaussian_blur(surprise, kDemoSaliencySigma));
    const auto window = fovea(world.size(0), world.size(1), fixation, request.fovea, at::kDouble);
    const auto residual = world - gist;
    result.agreement = request.decay * result.agreement + window * gain * residual;
    stitch = stitch + window * residual;
    gist = gist + kGistRate * gaussian_blur(window * surprise * residual, kGistSigma);
    result.fixations.push_back(fixation);
  }
  result.held = gist + result.agreement;
  result.stitch = result.gist + stitch;
  result.gist_db = map_psnr_db(result.gist, world);
  result.held_db = map_psnr_db(result.held, world);
  result.stitch_db = map_psnr_db(result.stitch, world);
  result.window_gist_db = window_psnr(result.gist, world, result.fixations, request.window);
  result.window_held_db = window_psnr(result.held, world, result.fixations, request.window);
  result.surprise_before = result.surprise.front();
  result.surprise_after = mean_of(inside(1.0 - gate.gain(world, gist), request.box));
  return result;
}

NoveltyResult run_novelty(const NoveltyRequest& request) {
  const at::NoGradGuard no_gradient;
  check_pair(request.picture, request.world, request.box);
  if (request.fixations < 1) throw UsageError("fixations: expected at least 1");
  NoveltyResult result{};
  result.settled = gaussian_blur(request.picture, request.settled_sigma);
  result.surprise = 1.0 - AgreementGate().gain(request.world, result.settled);
  result.enrichment_phase = enrichment(result.surprise, request.box);
  const auto difference = (request.world - result.settled).abs();
  result.enrichment_intensity = enrichment(difference / difference.max(), request.box);
  const auto saliency = gaussian_blur(result.surprise, kDemoSaliencySigma);
  Gaze gaze = demo_gaze(request.world);
  for (std::int64_t i = 0; i < request.fixations; ++i) {
    result.fixations.push_back(look(gaze, saliency));
    result.fixations_in_box += holds(request.box, result.fixations.back()) ? 1 : 0;
  }
  return result;
}

std::vector<Place> places_of(const std::vector<Fixation>& fixations) {
  std::vector<Place> places;
  for (const auto& [row, column] : fixations) {
    places.push_back({static_cast<double>(row), static_cast<double>(column)});
  }
  return places;
}

at::Tensor agreement_figure(const AgreementRequest& request, const AgreementResult& result) {
  const auto db = [](double value) { return fixed(value, 2) + " dB"; };
  const auto gain = [&](double value) {
    return text(value < result.gist_db ? "" : "+", fixed(value - result.gist_db, 2), " dB");
  };
  const double largest = std::max(result.agreement.abs().max().item<double>(), 1e-12);
  return sheet_of(
      {{with_label(grey_picture(result.gist), "gist, " + db(result.gist_db)),
        with_label(boxed(grey_picture(request.world), request.box), "world, change boxed"),
        with_label(with_path(surprise_picture(result.first_surprise), places_of(result.fixations),
                             kYellow),
                   text("surprise, ", result.fixations.size(), " fixations"))},
       {with_label(grey_picture(result.held), "held percept, " + gain(result.held_db)),
        with_label(grey_picture(result.stitch), "stitch, " + gain(result.stitch_db)),
        with_label(diverging(result.agreement / largest),
                   text("agreement, +-", fixed(largest, 2)))}});
}

at::Tensor novelty_figure(const NoveltyRequest& request, const NoveltyResult& result) {
  return sheet_of(
      {{with_label(grey_picture(result.settled), "settled expectation"),
        with_label(boxed(grey_picture(request.world), request.box), "world, change boxed"),
        with_label(boxed(with_path(surprise_picture(result.surprise), places_of(result.fixations),
                                   kYellow),
                         request.box),
                   text("surprise, ", fixed(result.enrichment_phase, 2), "x in the box"))}});
}

}  // namespace neurosplat
