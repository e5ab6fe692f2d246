#include "neurosplat/systems/lock/floaters.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <vector>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {
namespace {

constexpr double kFloaterWidth = 0.02;
constexpr double kLoud = 0.8;

at::Tensor loudest_amplitude(const at::Tensor& packets) {
  return packets.slice(-1, packet::kCoefficients)
      .unflatten(-1, {-1, 2})
      .square()
      .sum(-1)
      .sqrt()
      .amax(-1);
}

/// A packet's factor at the pixels of one axis that it reaches.
struct AxisReach {
  AxisReach(float centre, float width, float turns, std::int64_t length) {
    constexpr float kReach = 4.5f;  // widths
    const auto last = static_cast<float>(length - 1);
    const float limit = last + 1;
    const auto pixel = [&](float place) {
      return static_cast<std::int64_t>(std::clamp(place * last, -1.0f, limit));
    };
    first = std::max<std::int64_t>(pixel(centre - kReach * width), 0);
    const std::int64_t end = std::min(pixel(centre + kReach * width) + 1, length);
    for (std::int64_t i = first; i < end; ++i) {
      const float d = static_cast<float>(i) / std::max(last, 1.0f) - centre;
      factors.push_back(std::polar(std::exp(-0.5f * d * d / (width * width)),
                                   static_cast<float>(packet::kTwoPi) * turns * d));
    }
  }

  std::int64_t first;
  std::vector<std::complex<float>> factors;
};

float logistic(float field) {
  return packet::Arithmetic<float>::logistic(field);
}

/// By how much the squared error of a channel grows when the wave q X Y is taken away.
double growth_without(const AxisReach& x, const AxisReach& y, std::complex<float> q,
                      const at::TensorAccessor<float, 2>& field,
                      const at::TensorAccessor<float, 2>& target) {
  double growth = 0;
  for (std::size_t v = 0; v < y.factors.size(); ++v) {
    const auto row = y.first + static_cast<std::int64_t>(v);
    for (std::size_t u = 0; u < x.factors.size(); ++u) {
      const auto column = x.first + static_cast<std::int64_t>(u);
      const float with = field[row][column], wanted = target[row][column];
      const float wave = (q * x.factors[u] * y.factors[v]).real();
      const float missed = logistic(with) - wanted, missed_without = logistic(with - wave) - wanted;
      growth += static_cast<double>(missed_without * missed_without - missed * missed);
    }
  }
  return growth;
}

}  // namespace

std::int64_t floaters(const at::Tensor& raw) {
  const at::NoGradGuard no_gradient;
  return floaters_of_activated(activate_packets(raw));
}

std::int64_t floaters_of_activated(const at::Tensor& packets) {
  const at::NoGradGuard no_gradient;
  const auto narrow = packets.select(-1, packet::kWidth) < kFloaterWidth;
  return narrow.logical_and(loudest_amplitude(packets) > kLoud).sum().item<std::int64_t>();
}

std::int64_t spurious_packets(const at::Tensor& packets, const at::Tensor& target) {
  const at::NoGradGuard no_gradient;
  const auto loud = packets.index({loudest_amplitude(packets) > kLoud}).contiguous();
  const auto field = render(packets.unsqueeze(0), target.size(1), target.size(2),
                            {.form = PacketForm::activated, .output = Output::linear})[0];
  const auto fields = field.accessor<float, 3>();
  const auto wanted = target.accessor<float, 3>();
  const auto row = loud.accessor<float, 2>();
  std::int64_t spurious = 0;
  for (std::int64_t n = 0; n < loud.size(0); ++n) {
    const float width = std::abs(row[n][packet::kWidth]);
    const float turns = row[n][packet::kFrequency], angle = row[n][packet::kOrientation];
    const AxisReach x(row[n][packet::kX], width, turns * std::cos(angle), target.size(2));
    const AxisReach y(row[n][packet::kY], width, turns * std::sin(angle), target.size(1));
    double growth = 0;
    for (std::int64_t c = 0; c < target.size(0); ++c) {
      const std::complex<float> q(row[n][packet::kCoefficients + 2 * c],
                                  row[n][packet::kCoefficients + 2 * c + 1]);
      growth += growth_without(x, y, q, fields[c], wanted[c]);
    }
    if (growth < 0) ++spurious;
  }
  return spurious;
}

}  // namespace neurosplat
