#include "neurosplat/systems/cortex/live_cortex.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::vector<Place> places_of(const std::vector<Fixation>& fixations, double scale) {
  std::vector<Place> places;
  for (const auto& [row, column] : fixations) {
    places.push_back({scale * (static_cast<double>(row) + 0.5) - 0.5,
                      scale * (static_cast<double>(column) + 0.5) - 0.5});
  }
  return places;
}

std::string note_of(const std::vector<double>& numbers) {
  return text(fixed(numbers[0], 1), " -> ", fixed(numbers[1], 1), " dB");
}

}  // namespace

LiveAgreement::LiveAgreement(const CortexSettings& settings, Expectation expectation,
                             std::string word, std::string label)
    : cortex_(settings),
      expectation_(std::move(expectation)),
      word_(std::move(word)),
      label_(std::move(label)) {}

SeenFrame LiveAgreement::see(const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto retina = grey_square(frame.picture, kCortexSize).to(at::kFloat);
  const auto expected = expectation_(retina);
  const auto seen = cortex_.perceive(retina, expected);
  fixations_ = seen.fixations;
  const double most = std::max(seen.surprise.max().item<double>(), 1e-9);
  SeenFrame result;
  result.panels =
      sheet_of({{with_label(grey_picture(retina), "retina (gamma)"),
                 with_label(grey_picture(expected), label_),
                 with_label(with_rings(grey_picture(seen.percept), places_of(seen.fixations, 1.0),
                                       cortex_.settings().fovea, kYellow),
                            text("percept = ", word_, " + agreement")),
                 with_label(magma(seen.surprise / most), text("surprise, max ", fixed(most, 2)))}});
  result.latency_ms = milliseconds_since(start);
  result.numbers = {map_psnr_db(expected, retina), map_psnr_db(seen.percept, retina),
                    seen.surprise.mean().item<double>()};
  result.note = note_of(result.numbers);
  return result;
}

std::vector<LiveColumn> agreement_columns() {
  return {{"expected_psnr_db", 4}, {"percept_psnr_db", 4}, {"surprise", 4}};
}

SeenFrame see_saccades(const SaccadeCortex& cortex, const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto size = cortex.model().architecture().image_size;
  const auto retina = centre_square(frame.picture, size).to(at::kFloat) / 255.0;
  const auto seen = cortex.perceive(retina);
  const auto doubled = [](const at::Tensor& picture) {
    return picture.to(at::kCPU).repeat_interleave(2, 1).repeat_interleave(2, 2);
  };
  SeenFrame result;
  result.panels = sheet_of(
      {{with_label(doubled(retina), "retina"), with_label(doubled(seen.prior), "prior"),
        with_label(with_path(doubled(seen.percept), places_of(seen.fixations, 2.0), kYellow),
                   "foveated")}});
  result.latency_ms = milliseconds_since(start);
  result.numbers = {map_psnr_db(seen.prior.to(at::kCPU), retina),
                    map_psnr_db(seen.percept.to(at::kCPU), retina)};
  result.note = note_of(result.numbers);
  return result;
}

std::vector<LiveColumn> saccade_columns() {
  return {{"prior_psnr_db", 4}, {"percept_psnr_db", 4}};
}

}  // namespace neurosplat
