#include "neurosplat/systems/iterative_vae/tuning.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

constexpr double kDegrees = 180.0 / std::numbers::pi;

void check_responses(const at::Tensor& responses) {
  check_matrix("responses [A, K]", responses);
  if (responses.size(0) < 3) {
    throw UsageError(text("expected responses to at least 3 directions, got ", responses.size(0),
                          ": measure more"));
  }
  if (!((responses >= 0) & at::isfinite(responses)).all().item<bool>()) {
    throw UsageError("expected responses that are finite and at least 0, got others: give rates");
  }
}

struct Resultant {
  at::Tensor length, angle;  ///< [K]; the angle in radians, (-pi, pi]
};

/// Of the mean of exp(i times direction), weighted with responses.
Resultant resultant(const at::Tensor& responses, double times) {
  const auto count = static_cast<double>(responses.size(0));
  const at::Tensor turns = at::arange(responses.size(0), responses.options()) / count;
  const at::Tensor angles = (turns * (2.0 * std::numbers::pi * times)).unsqueeze(1);
  const at::Tensor even = (responses * angles.cos()).sum(0),
                   odd = (responses * angles.sin()).sum(0);
  return {at::hypot(even, odd) / responses.sum(0), at::atan2(odd, even)};
}

/// Steps of direction from the peak, in one sense, to half of it.
double steps_to_half(const at::TensorAccessor<double, 1>& response, std::int64_t peak,
                     std::int64_t sense) {
  const std::int64_t count = response.size(0);
  const double half = 0.5 * response[peak];
  double before = response[peak];
  for (std::int64_t step = 1; step <= count / 2; ++step) {
    const double now = response[((peak + sense * step) % count + count) % count];
    if (now <= half) return static_cast<double>(step) - (half - now) / (before - now);
    before = now;
  }
  return std::nan("");
}

at::Tensor half_widths(const at::Tensor& responses, const at::Tensor& peaks) {
  const at::Tensor columns = responses.t().contiguous();
  at::Tensor widths = at::empty({columns.size(0)}, columns.options());
  for (std::int64_t k = 0; k < columns.size(0); ++k) {
    const auto response = columns.accessor<double, 2>()[k];
    const auto peak = peaks.const_data_ptr<std::int64_t>()[k];
    const double steps = steps_to_half(response, peak, 1) + steps_to_half(response, peak, -1);
    widths[k] = 0.5 * steps * 360.0 / static_cast<double>(response.size(0));
  }
  return widths;
}

}  // namespace

Tuning tuning_of(const at::Tensor& responses) {
  const c10::NoGradGuard no_grad;
  check_responses(responses);
  const at::Tensor exact = responses.to(at::kCPU, at::kDouble);
  const auto [peak, place] = exact.max(0);
  const at::Tensor silent = peak == 0;
  const auto heard = [&](const at::Tensor& measure) {
    return measure.masked_fill(silent, std::nan(""));
  };
  const auto [orientation, doubled] = resultant(exact, 2.0);
  const at::Tensor halved = (doubled * (0.5 * kDegrees)).remainder(180.0);
  const double step = 360.0 / static_cast<double>(exact.size(0));
  return {.peak = peak,
          .preferred_direction = heard(place.to(at::kDouble) * step),
          // The remainder of a tiny negative angle is rounded up to all of 180.
          .preferred_orientation = heard(halved.masked_fill(halved == 180.0, 0.0)),
          .orientation_selectivity = heard(orientation),
          .direction_selectivity = heard(resultant(exact, 1.0).length),
          .half_width = heard(half_widths(exact, place.contiguous()))};
}

}  // namespace neurosplat
