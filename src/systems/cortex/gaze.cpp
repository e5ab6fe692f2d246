#include "neurosplat/systems/cortex/gaze.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

at::Tensor fovea(std::int64_t height, std::int64_t width, const Fixation& centre, double sigma,
                 at::ScalarType type) {
  const at::NoGradGuard no_gradient;
  if (!(std::isfinite(sigma) && sigma > 0.0)) {
    throw UsageError(text("fovea: expected a width above 0 pixels, got ", sigma));
  }
  const auto slope = [&](std::int64_t length, std::int64_t place) {
    const auto d = at::arange(length, at::kDouble) - static_cast<double>(place);
    return at::exp(d.square() / (-2.0 * sigma * sigma)).to(type);
  };
  return at::outer(slope(height, centre.row), slope(width, centre.column));
}

Gaze::Gaze(std::int64_t height, std::int64_t width, double sigma, std::int64_t border,
           at::ScalarType type)
    : sigma_(sigma) {
  if (border < 0 || 2 * border >= height || 2 * border >= width) {
    throw UsageError(
        text("border: expected 0 or more pixels and a picture larger than twice that, ", "got ",
             border, " in ", width, "x", height));
  }
  inhibition_ = at::zeros({height, width}, type);
  inside_ = at::zeros({height, width}, type);
  inside_.narrow(0, border, height - 2 * border).narrow(1, border, width - 2 * border).fill_(1.0);
}

Fixation Gaze::most_salient(const at::Tensor& saliency) const {
  const at::NoGradGuard no_gradient;
  if (saliency.sizes() != inhibition_.sizes()) {
    throw UsageError(text("saliency: expected ", inhibition_.sizes(), ", got ", saliency.sizes()));
  }
  const auto open = saliency * (1.0 - inhibition_.clamp(0.0, 1.0)) * inside_;
  const auto place = open.argmax().item<std::int64_t>();
  return {place / open.size(1), place % open.size(1)};
}

void Gaze::inhibit(const Fixation& fixation) {
  const at::NoGradGuard no_gradient;
  inhibition_ +=
      fovea(inhibition_.size(0), inhibition_.size(1), fixation, sigma_, inhibition_.scalar_type());
}

void Gaze::fade(double factor) {
  const at::NoGradGuard no_gradient;
  inhibition_ *= factor;
}

}  // namespace neurosplat
