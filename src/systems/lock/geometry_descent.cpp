#include "systems/lock/geometry_descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {
namespace {

constexpr double kFirstDecay = 0.9, kSecondDecay = 0.9, kEpsilon = 1e-12;
constexpr double kWarmUp = 5;  // steps
constexpr float kBroadest = 0.3f, kHighest = 60.0f;

/// Moves one packet's geometry by `move`, five numbers in its own units.
void move_geometry(float* g, const float* move, float narrowest) {
  const float width = g[packet::kWidth];
  const auto turn = static_cast<float>(packet::kTwoPi) * width;  // of the wave, a unit of frequency
  g[packet::kX] -= width * move[packet::kX];
  g[packet::kY] -= width * move[packet::kY];
  g[packet::kWidth] = std::clamp(width * std::exp(-move[packet::kWidth]), narrowest, kBroadest);
  g[packet::kOrientation] -=
      move[packet::kOrientation] / std::max(turn * g[packet::kFrequency], 0.5f);
  g[packet::kFrequency] =
      std::clamp(g[packet::kFrequency] - move[packet::kFrequency] / turn, 0.0f, kHighest);
}

}  // namespace

GeometryDescent::GeometryDescent(std::int64_t packets, const DescentSettings& settings)
    : settings_(settings), packets_(packets) {}

double GeometryDescent::step(at::Tensor& geometry, at::Tensor& coefficients,
                             const at::Tensor& target) {
  const std::int64_t colours = coefficients.size(1), numbers = packet::kCoefficients + colours;
  at::Tensor gradient;
  double error = 0;
  {
    const at::AutoGradMode on(true);
    auto packets = at::cat({geometry, coefficients}, 1).unsqueeze(0).requires_grad_(true);
    const auto drawn =
        render(packets, target.size(1), target.size(2), {.form = PacketForm::activated});
    const auto loss = at::mse_loss(drawn[0], target);
    loss.backward();
    gradient = packets.grad()[0];
    error = loss.item<double>();
  }
  const at::NoGradGuard no_gradient;
  if (!first_.defined()) {
    first_ = at::zeros_like(gradient);
    second_ = at::zeros_like(gradient);
  }
  ++steps_;
  geometry = geometry.contiguous().clone();
  coefficients = coefficients.contiguous().clone();
  const float scale = coefficients.square().mean().sqrt().item<float>() *
                      static_cast<float>(settings_.coefficients);
  const auto first_bias = static_cast<float>(1 / (1 - std::pow(kFirstDecay, steps_)));
  const auto second_bias = static_cast<float>(1 / (1 - std::pow(kSecondDecay, steps_)));
  const float* from = gradient.const_data_ptr<float>();
  float *first = first_.mutable_data_ptr<float>(), *second = second_.mutable_data_ptr<float>();
  float *g = geometry.mutable_data_ptr<float>(), *q = coefficients.mutable_data_ptr<float>();
  // Adam's first steps go full length in directions it knows nothing of yet.
  const auto warm_up = static_cast<float>(std::min(1.0, static_cast<double>(steps_) / kWarmUp));
  const float rate = warm_up * static_cast<float>(settings_.geometry);
  const auto narrowest = static_cast<float>(settings_.narrowest);
  for (std::int64_t n = 0; n < packets_; ++n) {
    float move[packet::kCoefficients] = {};
    for (std::int64_t i = 0; i < numbers; ++i) {
      const std::int64_t at = n * numbers + i;
      first[at] += static_cast<float>(1 - kFirstDecay) * (from[at] - first[at]);
      second[at] += static_cast<float>(1 - kSecondDecay) * (from[at] * from[at] - second[at]);
      const float step = first_bias * first[at] /
                         (std::sqrt(second_bias * second[at]) + static_cast<float>(kEpsilon));
      if (i < packet::kCoefficients) {
        move[i] = rate * step;
      } else {
        q[n * colours + i - packet::kCoefficients] -= warm_up * scale * step;
      }
    }
    move_geometry(g + n * packet::kCoefficients, move, narrowest);
  }
  return error;
}

}  // namespace neurosplat
