#include "neurosplat/systems/cortex/saccade_cortex.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {
namespace {

constexpr double kReach = 1.5;            // of the fovea
constexpr double kInhibitionShare = 0.9;  // of the fovea
constexpr std::int64_t kErrorWindow = 9;  // pixels

/// Where the percept is wrong, smoothed with a box: [S, S] on the CPU.
at::Tensor error_map(const at::Tensor& frame, const at::Tensor& percept) {
  const auto error = (frame - percept).abs().mean(0, /*keepdim=*/true);
  return at::avg_pool2d(error, {kErrorWindow, kErrorWindow}, {1, 1},
                        {kErrorWindow / 2, kErrorWindow / 2})[0]
      .to(at::kCPU);
}

/// Numbers of the packets whose centre lies within `reach` canvas sides of a place.
at::Tensor packets_near(const at::Tensor& raw, double x, double y, double reach) {
  const auto active = activate_packets(raw.unsqueeze(0))[0];
  const auto dx = active.select(1, packet::kX) - x, dy = active.select(1, packet::kY) - y;
  return (dx.square() + dy.square() <= reach * reach).nonzero().flatten();
}

at::Tensor field(const at::Tensor& active, std::int64_t side) {
  return render(active.unsqueeze(0), side, side,
                {.form = PacketForm::activated, .output = Output::linear})[0];
}

/// Moves the packets `chosen` of raw [N, 11] on the error weighted by `window`; the others are
/// drawn once and stay.
at::Tensor refined(const at::Tensor& raw, const at::Tensor& chosen, const at::Tensor& frame,
                   const at::Tensor& window, const SaccadeSettings& settings) {
  const auto side = frame.size(1);
  const auto active = activate_packets(raw.unsqueeze(0))[0];
  const auto rest = field(active, side) - field(active.index_select(0, chosen), side);
  const auto total = 3.0 * window.sum() + 1e-6;
  const at::AutoGradMode gradient(true);
  auto moving = raw.index_select(0, chosen).requires_grad_();
  torch::optim::Adam adam({moving}, torch::optim::AdamOptions(settings.learning_rate));
  for (std::int64_t step = 0; step < settings.steps; ++step) {
    // The activation of a packet depends on its place in the list, its anchor.
    const auto all = raw.index_copy(0, chosen, moving);
    const auto near = activate_packets(all.unsqueeze(0))[0].index_select(0, chosen);
    const auto drawn = at::sigmoid(rest + field(near, side));
    adam.zero_grad();
    ((window * (drawn - frame).square()).sum() / total).backward();
    adam.step();
  }
  return raw.index_copy(0, chosen, moving.detach());
}

}  // namespace

void check(const SaccadeSettings& settings) {
  const auto count = [](const char* name, std::int64_t value) {
    if (value < 0 || value > 1000)
      throw UsageError(text(name, ": expected 0 to 1000, got ", value));
  };
  count("fixations", settings.fixations);
  count("steps", settings.steps);
  if (!(std::isfinite(settings.learning_rate) && settings.learning_rate > 0.0)) {
    throw UsageError(text("lr: expected a number above 0, got ", settings.learning_rate));
  }
  if (!(settings.fovea >= 0.001 && settings.fovea <= 10.0)) {
    throw UsageError(
        text("fovea: expected a share of the frame's side from 0.001 to 10, got ", settings.fovea));
  }
}

SaccadeCortex::SaccadeCortex(SplatVae model, const SaccadeSettings& settings)
    : model_(std::move(model)), settings_(settings) {
  check(settings_);
  model_.train(false);
}

SaccadePercept SaccadeCortex::perceive(const at::Tensor& picture) const {
  const at::NoGradGuard no_gradient;
  const auto side = model_.architecture().image_size;
  if (picture.sizes() != at::IntArrayRef({3, side, side}) || !picture.is_floating_point()) {
    throw UsageError(text("picture: expected float [3, ", side, ", ", side, "], got ",
                          picture.toString(), " ", picture.sizes()));
  }
  const auto frame = picture.detach().to(model_.device(), at::kFloat);
  SaccadePercept result;
  result.packets = model_.decode(model_.latents_of(frame.unsqueeze(0)))[0].clone();
  result.prior = model_.draw(result.packets.unsqueeze(0))[0];
  result.percept = result.prior;
  const double pixels = static_cast<double>(side - 1);
  Gaze gaze(side, side, kInhibitionShare * settings_.fovea * pixels, 0, at::kFloat);
  for (std::int64_t i = 0; i < settings_.fixations; ++i) {
    const auto fixation = gaze.most_salient(error_map(frame, result.percept));
    gaze.inhibit(fixation);
    result.fixations.push_back(fixation);
    const auto window =
        fovea(side, side, fixation, settings_.fovea * pixels, at::kFloat).to(frame.device());
    const auto chosen =
        packets_near(result.packets, static_cast<double>(fixation.column) / pixels,
                     static_cast<double>(fixation.row) / pixels, kReach * settings_.fovea);
    if (chosen.numel() == 0) continue;
    result.packets = refined(result.packets, chosen, frame, window, settings_);
    result.percept = model_.draw(result.packets.unsqueeze(0))[0];
  }
  if (!result.percept.isfinite().all().item<bool>()) {
    throw Error("the percept is not finite: the model's weights or --lr are not usable");
  }
  return result;
}

}  // namespace neurosplat
