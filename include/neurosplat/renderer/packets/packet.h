#pragma once

#include <cmath>

#include "neurosplat/renderer/host_device.h"

/// The packet: its numbers, their activations and their derivatives. Nothing else in the library
/// repeats these formulas; host and device use the same text. docs/neuro-splat.md, "Packet".
///
/// A packet has 5 + 2C numbers for C channels. Activated, they are
///   x, y          centre, units of the canvas side, 0..1
///   width         standard deviation s' of the isotropic envelope, units of the canvas side
///   orientation   theta, radians, any value
///   frequency     f', cycles per canvas side
///   a_c, b_c      complex coefficient of each channel
/// and it draws exp(-(dx^2 + dy^2) / (2 width^2)) * (a_c cos(phase) - b_c sin(phase)), with
/// phase = 2 pi frequency (dx cos(theta) + dy sin(theta)): the real part of q_c X(dx) Y(dy).
namespace neurosplat::packet {

enum Number : int { kX, kY, kWidth, kOrientation, kFrequency, kCoefficients };

NEUROSPLAT_HOST_DEVICE constexpr int numbers(int channels) {
  return kCoefficients + 2 * channels;
}

inline constexpr double kWidthMinimum = 0.012;
inline constexpr double kWidthRange = 0.14;
inline constexpr double kFrequencyMinimum = 1.0;
inline constexpr double kFrequencyRange = 15.0;
inline constexpr double kTwoPi = 6.283185307179586476925286766559;

/// The functions that activations are made of. Specialise it for another kind of number (a whole
/// tensor, say) to have the formulas below speak that kind.
template <class Real>
struct Arithmetic {
  using Constant = Real;

  NEUROSPLAT_HOST_DEVICE static Real logistic(Real value) {
    const Real e = std::exp(-std::abs(value));
    return (value >= 0 ? Real(1) : e) / (Real(1) + e);
  }
  NEUROSPLAT_HOST_DEVICE static Real tanh(Real value) { return std::tanh(value); }
  /// Derivatives of both.
  NEUROSPLAT_HOST_DEVICE static Real logistic_slope(Real value) {
    return logistic(value) * logistic(-value);
  }
  NEUROSPLAT_HOST_DEVICE static Real tanh_slope(Real value) {
    const Real sech = Real(1) / std::cosh(value);
    return sech * sech;
  }
};

/// The five raw geometry numbers and the packet's anchor logits (x, y) to the activated ones.
template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE void activate_geometry(const Real* raw, const Real& anchor_x,
                                              const Real& anchor_y, Real* active) {
  using Constant = typename Use::Constant;
  active[kX] = Use::logistic(anchor_x + raw[kX]);
  active[kY] = Use::logistic(anchor_y + raw[kY]);
  active[kWidth] = Constant(kWidthMinimum) + Constant(kWidthRange) * Use::logistic(raw[kWidth]);
  active[kOrientation] = raw[kOrientation];
  active[kFrequency] =
      Constant(kFrequencyMinimum) + Constant(kFrequencyRange) * Use::logistic(raw[kFrequency]);
}

template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE Real activate_coefficient(const Real& raw) {
  return Use::tanh(raw);
}

/// raw[5 + 2C] and the packet's anchor logits (x, y) to active[5 + 2C].
template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE void activate(const Real* raw, const Real& anchor_x, const Real& anchor_y,
                                     int channels, Real* active) {
  activate_geometry<Real, Use>(raw, anchor_x, anchor_y, active);
  for (int i = kCoefficients; i < numbers(channels); ++i) {
    active[i] = activate_coefficient<Real, Use>(raw[i]);
  }
}

/// Gradient with respect to the raw geometry, from the one with respect to the activated one.
/// Takes the raw numbers, since the activated width and frequency keep too few digits of their
/// logistic where it is small.
template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE void activate_geometry_backward(const Real* raw, Real anchor_x,
                                                       Real anchor_y, const Real* active_gradient,
                                                       Real* raw_gradient) {
  using Constant = typename Use::Constant;
  raw_gradient[kX] = active_gradient[kX] * Use::logistic_slope(anchor_x + raw[kX]);
  raw_gradient[kY] = active_gradient[kY] * Use::logistic_slope(anchor_y + raw[kY]);
  raw_gradient[kWidth] =
      active_gradient[kWidth] * Constant(kWidthRange) * Use::logistic_slope(raw[kWidth]);
  raw_gradient[kOrientation] = active_gradient[kOrientation];
  raw_gradient[kFrequency] = active_gradient[kFrequency] * Constant(kFrequencyRange) *
                             Use::logistic_slope(raw[kFrequency]);
}

template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE Real activate_coefficient_backward(const Real& raw,
                                                          const Real& active_gradient) {
  return active_gradient * Use::tanh_slope(raw);
}

/// Gradient with respect to raw[5 + 2C], from the one with respect to active[5 + 2C].
template <class Real, class Use = Arithmetic<Real>>
NEUROSPLAT_HOST_DEVICE void activate_backward(const Real* raw, Real anchor_x, Real anchor_y,
                                              int channels, const Real* active_gradient,
                                              Real* raw_gradient) {
  activate_geometry_backward<Real, Use>(raw, anchor_x, anchor_y, active_gradient, raw_gradient);
  for (int i = kCoefficients; i < numbers(channels); ++i) {
    raw_gradient[i] = activate_coefficient_backward<Real, Use>(raw[i], active_gradient[i]);
  }
}

/// Sums of the loss's gradient against one axis factor, d being the distance from the centre
/// along that axis: sum g E d^k for k = 0, 1, 2, where the loss changes by Re sum g dE.
template <class Real>
struct AxisMoments {
  Real zeroth_re, zeroth_im, first_re, first_im, second_re;
};

/// Gradient with respect to the five activated geometry numbers. From X = exp(-d^2/2w^2 + i k d):
/// dX/dx = (d/w^2 - i k) X, dX/dw = d^2/w^3 X, dX/dk = i d X; Y likewise; k_x = 2 pi f cos(theta),
/// k_y = 2 pi f sin(theta).
template <class Real, class Constant = Real>
NEUROSPLAT_HOST_DEVICE void geometry_gradient(const Real* active, Real cosine, Real sine,
                                              const AxisMoments<Real>& x,
                                              const AxisMoments<Real>& y, Real* gradient) {
  const Real wave = Constant(kTwoPi) * active[kFrequency];
  const Real precision = Constant(1) / (active[kWidth] * active[kWidth]);
  gradient[kX] = precision * x.first_re + wave * cosine * x.zeroth_im;
  gradient[kY] = precision * y.first_re + wave * sine * y.zeroth_im;
  gradient[kWidth] = (x.second_re + y.second_re) * precision / active[kWidth];
  gradient[kOrientation] = wave * (sine * x.first_im - cosine * y.first_im);
  gradient[kFrequency] = -Constant(kTwoPi) * (cosine * x.first_im + sine * y.first_im);
}

template <class Real>
NEUROSPLAT_HOST_DEVICE void geometry_gradient(const Real* active, const AxisMoments<Real>& x,
                                              const AxisMoments<Real>& y, Real* gradient) {
  geometry_gradient(active, std::cos(active[kOrientation]), std::sin(active[kOrientation]), x, y,
                    gradient);
}

}  // namespace neurosplat::packet
