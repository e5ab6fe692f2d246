#pragma once

#include "neurosplat/renderer/packets/packet.h"
#include "renderer/packets/cuda/cuda_kernels.h"
#include "renderer/packets/cuda/device.cuh"

/// One packet along one axis: what is prepared once, and its complex factor at a grid line.
namespace neurosplat::packet::cuda {

/// Distances are taken in pixels from a centre kept in two floats, and turns from a frequency kept
/// in two: at 16 cycles a side a single float would cost 3e-6 in the phase.
struct Axis {
  float centre, centre_rest;  // pixels
  float turns, turns_rest;    // cycles per pixel
  float sharpness;            // 1 / (2 width^2), per pixel^2
};

/// Envelopes below exp(-kCutoff) are zero, as in the matrix renderer.
inline constexpr float kCutoff = 32.0f;

struct Factor {
  float re, im;
};

/// Numbers of both axes are kept as [kPreparedNumbers][packets]; `first` is 0 for x, 5 for y.
enum FirstNumber : int { kHorizontal = 0, kVertical = kPreparedNumbers / 2 };

NEUROSPLAT_DEVICE Axis read_axis(const float* prepared, FirstNumber first, std::int64_t stride) {
  const float* from = prepared + first * stride;
  return {from[0], from[stride], from[2 * stride], from[3 * stride], from[4 * stride]};
}

/// Distance of a grid line from the centre, pixels.
NEUROSPLAT_DEVICE float distance(const Axis& axis, float position) {
  return (position - axis.centre) - axis.centre_rest;
}

/// The factor X(u) or Y(v) at the grid line `position`.
NEUROSPLAT_DEVICE Factor factor_at(const Axis& axis, int position) {
  constexpr float kLog2E = 1.44269504088896341f;
  const float d = distance(axis, static_cast<float>(position));
  const float exponent = d * d * axis.sharpness;
  const float envelope = exponent > kCutoff ? 0.0f : device::power_of_two(-exponent * kLog2E);
  const float whole = rintf(d * axis.turns);
  const float turns = fmaf(d, axis.turns, -whole) + d * axis.turns_rest;
  float sine, cosine;
  device::sincos_of_pi(2.0f * turns, sine, cosine);
  return {envelope * cosine, envelope * sine};
}

/// Distance from the centre to the nearest of the lines first ... last; NaN for a NaN centre.
NEUROSPLAT_DEVICE float gap(const Axis& axis, int first, int last) {
  const auto low = static_cast<float>(first), high = static_cast<float>(last);
  if (axis.centre < low) return low - axis.centre;
  return axis.centre > high ? axis.centre - high : axis.centre - axis.centre;
}

/// A rectangle of pixels, both ends included.
struct Area {
  int left, right, top, bottom;
};

/// Whether the packet draws anything above the cutoff there. True for NaN, which must be seen.
NEUROSPLAT_DEVICE bool reaches(const Axis& x, const Axis& y, const Area& area) {
  const float across = gap(x, area.left, area.right), down = gap(y, area.top, area.bottom);
  return !(across * across * x.sharpness + down * down * y.sharpness > kCutoff);
}

/// Writes five numbers of one axis, `stride` apart. `poison` is 0, or NaN for a packet that holds a
/// NaN or an infinity anywhere.
NEUROSPLAT_DEVICE void prepare_axis(double centre, double width, double cycles, int length,
                                    float poison, float* out, std::int64_t stride) {
  const auto pixels = static_cast<double>(length - 1);
  const double place = centre * pixels, turns = cycles / pixels, spread = width * pixels;
  const auto place_high = static_cast<float>(place);
  const auto turns_high = static_cast<float>(turns);
  out[0] = place_high + poison;
  out[stride] = static_cast<float>(place - static_cast<double>(place_high));
  out[2 * stride] = turns_high;
  out[3 * stride] = static_cast<float>(turns - static_cast<double>(turns_high));
  out[4 * stride] = static_cast<float>(0.5 / (spread * spread));
}

/// Prepares packet `active` [5 + 2C]; `out` points to its place in [kPreparedNumbers][stride].
NEUROSPLAT_DEVICE void prepare_packet(const float* active, const Shape& shape, float* out,
                                      std::int64_t stride) {
  float poison = 0.0f;
  for (int i = 0; i < packet::numbers(shape.channels); ++i) poison += 0.0f * active[i];
  const double angle = active[packet::kOrientation], width = active[packet::kWidth];
  const double frequency = active[packet::kFrequency];
  prepare_axis(active[packet::kX], width, frequency * std::cos(angle), shape.width, poison,
               out + kHorizontal * stride, stride);
  prepare_axis(active[packet::kY], width, frequency * std::sin(angle), shape.height, poison,
               out + kVertical * stride, stride);
}

}  // namespace neurosplat::packet::cuda
