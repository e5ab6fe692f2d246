#include "neurosplat/systems/iterative_vae/live_inference.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"
#include "neurosplat/systems/iterative_vae/inference_scores.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

/// Sides of panels, about.
constexpr std::int64_t kPanel = 256;
/// What is white, in deviations of the whitened frame; minus as much is black.
constexpr double kWhitest = 3.0;
/// As many spikes in a frame are brightest in the raster.
constexpr double kBrightest = 4.0;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

at::Tensor enlarged(const at::Tensor& map) {
  const auto zoom = std::max<std::int64_t>(1, kPanel / map.size(1));
  return map.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1);
}

at::Tensor grey_of(const at::Tensor& whitened) {
  return enlarged((0.5 + whitened / (2.0 * kWhitest)).clamp(0.0, 1.0));
}

/// The raster as high as the other panels.
at::Tensor fitted(const at::Tensor& picture, std::int64_t height) {
  return at::constant_pad_nd(picture.narrow(1, 0, std::min(height, picture.size(1))),
                             {0, 0, 0, std::max<std::int64_t>(0, height - picture.size(1))});
}

}  // namespace

void check(const LiveInferenceSettings& settings, const IterativeVae& model) {
  const auto side = patch_side(model);
  constexpr std::int64_t kLeast = 16, kMost = 2048, kMostSteps = 10'000;
  if (settings.size < kLeast || settings.size > kMost) {
    throw UsageError(
        text("size: expected ", kLeast, " to ", kMost, " pixels, got ", settings.size));
  }
  if (settings.size % side != 0) {
    throw UsageError(text("size: expected a multiple of the ", side,
                          " pixels of a side of the model's patches, got ", settings.size,
                          ": take ", std::max(settings.size / side, std::int64_t{1}) * side));
  }
  if (settings.steps < 1 || settings.steps > kMostSteps) {
    throw UsageError(text("steps: expected 1 to ", kMostSteps, ", got ", settings.steps));
  }
}

LiveInference::LiveInference(const IterativeVae& model, const LiveInferenceSettings& settings)
    : settings_((check(settings, model), settings)),
      whitening_{.mirrored = settings.mirrored},
      side_(patch_side(model)),
      tiles_(settings.size / side_),
      inference_(model, tiles_ * tiles_, {.guard = settings.guard, .seed = settings.seed}),
      poisson_(model.architecture().poisson()),
      raster_(at::zeros({kRasterNeurons, kRasterFrames}, at::kFloat)) {
  const auto generator = at::detail::createCPUGenerator(settings.seed);
  const auto all = tiles_ * tiles_ * model.architecture().latents;
  const auto chosen = at::randperm(all, generator, at::kLong);
  shown_ = std::get<0>(chosen.narrow(0, 0, std::min(all, kRasterNeurons)).sort());
}

void LiveInference::reset() {
  inference_.reset();
  raster_.zero_();
}

at::Tensor LiveInference::whitened_frame(const at::Tensor& grey) const {
  if (grey.min().item<double>() == grey.max().item<double>()) {
    return at::zeros({settings_.size, settings_.size}, at::kFloat);
  }
  return whitened(grey, whitening_).to(at::kFloat);
}

at::Tensor LiveInference::patches_of(const at::Tensor& picture) const {
  return picture.view({tiles_, side_, tiles_, side_})
      .permute({0, 2, 1, 3})
      .reshape({tiles_ * tiles_, side_ * side_});
}

at::Tensor LiveInference::picture_of(const at::Tensor& patches) const {
  return patches.view({tiles_, tiles_, side_, side_})
      .permute({0, 2, 1, 3})
      .reshape({settings_.size, settings_.size});
}

void LiveInference::remember_spikes(const at::Tensor& activity) {
  raster_.copy_(raster_.roll(-1, 1));
  const auto newest = activity.flatten().index_select(0, shown_).abs();
  raster_.narrow(0, 0, newest.numel()).select(1, kRasterFrames - 1).copy_(newest);
}

at::Tensor LiveInference::spikes() const {
  const auto activity = inference_.activity().to(at::kCPU);
  const auto places = activity.nonzero();
  const auto amount = activity.masked_select(activity.ne(0)).unsqueeze(1);
  return at::cat({places.to(at::kFloat), amount}, 1);
}

SignalDescription LiveInference::signal() {
  return {"neurosplat spikes", "Spikes", {"patch", "neuron", "activity"}, "none"};
}

double LiveInference::mean_rate() const {
  if (!poisson_) return inference_.activity().abs().mean().item<double>();
  return inference_.state().front().exp().mean().item<double>();
}

SeenFrame LiveInference::see(const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto border = whitening_.border;
  const auto retina = grey_square(frame.picture, settings_.size + 2 * border);
  const auto white = whitened_frame(retina);
  const auto patches = patches_of(white);
  for (std::int64_t step = 0; step < settings_.steps; ++step) inference_.step(patches);
  const auto activity = inference_.activity().to(at::kCPU);
  const auto drawn = inference_.reconstruction().to(at::kCPU);
  remember_spikes(activity);
  const double r2 = mean_r2(patches, drawn), zeros = share_of_zeros(activity), rate = mean_rate();

  SeenFrame result;
  const auto grey = retina.narrow(0, border, settings_.size).narrow(1, border, settings_.size);
  const auto seen = grey_picture(enlarged(grey));
  const auto spikes = magma(enlarged((raster_ / kBrightest).clamp(0.0, 1.0)));
  result.panels = sheet_of(
      {{with_label(seen, "grey"), with_label(grey_picture(grey_of(white)), "whitened"),
        with_label(grey_picture(grey_of(picture_of(drawn))), text("drawn, R2 ", fixed(r2, 2))),
        with_label(fitted(spikes, seen.size(1)),
                   text("spikes, ", fixed(100.0 * zeros, 0), "% zeros"))}});
  result.latency_ms = milliseconds_since(start);
  if (std::isfinite(r2)) {
    result.numbers = {r2, zeros, rate};
    result.note = text("R2 ", fixed(r2, 3), ", zeros ", fixed(zeros, 3));
  } else {
    result.note = "a frame of one grey";
  }
  return result;
}

std::vector<LiveColumn> inference_columns() {
  return {{"r2", 4}, {"zeros", 4}, {"rate", 4}};
}

}  // namespace neurosplat
