#include "systems/lock/phase_lock.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat::testing {
namespace {

at::Tensor as_batch(const at::Tensor& picture, const SplatVae& model) {
  const auto size = model.architecture().image_size;
  if (picture.dim() != 3 || picture.size(0) != 3 || picture.size(1) != size ||
      picture.size(2) != size || !picture.is_floating_point()) {
    throw UsageError(text("picture: expected float [3, ", size, ", ", size, "], got ",
                          picture.toString(), " ", picture.sizes()));
  }
  return picture.detach().to(model.device(), at::kFloat).unsqueeze(0);
}

std::vector<double> numbers(const std::vector<at::Tensor>& scalars) {
  const auto all = at::stack(scalars).to(at::kCPU, at::kDouble);
  return {all.data_ptr<double>(), all.data_ptr<double>() + all.numel()};
}

}  // namespace

void check(const LockSettings& settings) {
  if (settings.steps < 1) {
    throw UsageError(text("steps: expected a number >= 1, got ", settings.steps));
  }
  if (!std::isfinite(settings.learning_rate) || settings.learning_rate <= 0.0) {
    throw UsageError(text("lr: expected a number above 0, got ", settings.learning_rate));
  }
}

PhaseLock::PhaseLock(SplatVae model, const LockSettings& settings)
    : model_(std::move(model)), settings_(settings) {
  check(settings_);
  model_.train(false);
}

LockedPicture PhaseLock::lock(const at::Tensor& picture) const {
  const auto target = as_batch(picture, model_);
  LockedPicture result;
  at::Tensor packets;
  {
    const at::NoGradGuard no_gradient;
    packets = model_.decode(model_.encode(target).mean);
    result.prior_packets = packets[0].clone();
  }
  const at::AutoGradMode gradient(true);
  packets.requires_grad_();
  torch::optim::Adam adam({packets}, torch::optim::AdamOptions(settings_.learning_rate));
  std::vector<at::Tensor> errors;
  for (std::int64_t step = 0; step < settings_.steps; ++step) {
    const auto drawn = model_.draw(packets);
    const auto error = at::mse_loss(drawn, target);
    if (step == 0) result.prior = drawn.detach()[0];
    errors.push_back(error.detach());
    adam.zero_grad();
    error.backward();
    adam.step();
  }
  const at::NoGradGuard no_gradient;
  const auto drawn = model_.draw(packets);
  errors.push_back(at::mse_loss(drawn, target));
  result.locked = drawn[0];
  result.packets = packets.detach()[0];
  result.mse = numbers(errors);
  if (!std::isfinite(result.mse.back())) {
    throw Error(text("the locked picture is not finite (error of the prior ", result.mse.front(),
                     "): the model's weights or --lr are not usable"));
  }
  return result;
}

}  // namespace neurosplat::testing
