#include "neurosplat/systems/cortex/agreement_cortex.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/gaussian_blur.h"

namespace neurosplat {

void check(const CortexSettings& settings) {
  const auto within = [](const char* name, double value, double least, double most) {
    if (!(value >= least && value <= most))
      throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
  };
  if (settings.fixations < 0 || settings.fixations > 1000) {
    throw UsageError(text("fixations: expected 0 to 1000 a frame, got ", settings.fixations));
  }
  within("decay", settings.decay, 0.0, 1.0);
  within("fovea", settings.fovea, 0.1, 1e4);
  within("inhibition fade", settings.inhibition_fade, 0.0, 1.0);
  within("inhibition sigma", settings.inhibition_sigma, 0.1, 1e4);
  within("saliency sigma", settings.saliency_sigma, 0.0, 1e3);
  if (settings.border < 0) {
    throw UsageError(text("border: expected 0 or more pixels, got ", settings.border));
  }
}

AgreementCortex::AgreementCortex(const CortexSettings& settings) : settings_(settings) {
  check(settings_);
}

void AgreementCortex::reset() {
  gaze_.reset();
  agreement_ = at::Tensor();
}

Percept AgreementCortex::perceive(const at::Tensor& frame, const at::Tensor& gist) {
  const at::NoGradGuard no_gradient;
  Percept result;
  result.gain = gate_.gain(frame, gist);
  result.surprise = 1.0 - result.gain;
  if (!agreement_.defined() || agreement_.sizes() != frame.sizes() ||
      agreement_.scalar_type() != frame.scalar_type()) {
    agreement_ = at::zeros_like(frame);
    gaze_.emplace(frame.size(0), frame.size(1), settings_.inhibition_sigma, settings_.border,
                  frame.scalar_type());
  }
  const auto saliency = gaussian_blur(result.surprise, settings_.saliency_sigma);
  const auto residual = frame - gist;
  const auto let_in = settings_.gated ? result.gain * residual : residual;
  gaze_->fade(settings_.inhibition_fade);
  for (std::int64_t i = 0; i < settings_.fixations; ++i) {
    const auto fixation = gaze_->most_salient(saliency);
    const auto window =
        fovea(frame.size(0), frame.size(1), fixation, settings_.fovea, frame.scalar_type());
    agreement_ = settings_.decay * agreement_ + window * let_in;
    gaze_->inhibit(fixation);
    result.fixations.push_back(fixation);
  }
  result.agreement = agreement_;
  result.percept = (gist + agreement_).clamp(0.0, 1.0);
  return result;
}

}  // namespace neurosplat
