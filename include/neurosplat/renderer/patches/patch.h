#pragma once

#include "neurosplat/renderer/host_device.h"

/// Parts of inner loops: what a loop does not use of them is not computed.
#if defined(__CUDACC__)
#define NEUROSPLAT_FORMULA __host__ __device__ __forceinline__
#else
#define NEUROSPLAT_FORMULA inline __attribute__((always_inline))
#endif

/// A splat of a patch: its numbers, its kernels, its weight in the depth blend and their
/// derivatives, in the form that the fused renderers use; host and device have the same text.
/// The plain transcription, against which they are tested, is src/renderer/patches/eager_renderer.
/// docs/renderer.md, "The patch renderer".
///
/// A splat has nine numbers. Activated, in units of a tile's side, they are
///   offset (x, y)     centre from the tile's top left corner; the tile is [0, 1]^2
///   scale (x, y)      inverse widths k_x, k_y
///   correlation       k_xy, in [-1, 1]
///   red, green, blue
///   weight            w, the depth: the larger hides the smaller
/// At d from its centre, with p = k_x d_x + k_xy k_y d_y and q = sqrt(1 - k_xy^2) k_y d_y,
///   D = p^2 + q^2 = (k_x d_x)^2 + (k_y d_y)^2 + 2 k_xy k_x k_y d_x d_y,
/// a form that is never negative and does not cancel. It draws K(D) of its colour under the weight
/// g = exp(2 (w - 32)) h(D), where h is the square of the depth profile.
namespace neurosplat::patches {

enum Number : int {
  kOffsetX,
  kOffsetY,
  kScaleX,
  kScaleY,
  kCorrelation,
  kRed,
  kGreen,
  kBlue,
  kWeight,
  kNumbers
};

/// K(D) and h(D), with X = min(2 D, 2):
///   kExponential  exp(-D)                                    exp(-4 D)
///   kCosine       exp(-D) cos(6 D)                           exp(-4 D)
///   kSharp        1 - min(X, 1)^16 - 4 exp(X) sin(max(X, 1) - 1)
///                                                            max(1 - min(X, 1)^4, exp(-4 X))^2
///   kSharpPost    the same with exp(-X), its X not held at 2; h as of kSharp
enum class Kernel { kExponential, kCosine, kSharp, kSharpPost };

NEUROSPLAT_HOST_DEVICE constexpr bool is_sharp(Kernel kernel) {
  return kernel == Kernel::kSharp || kernel == Kernel::kSharpPost;
}

/// w at which exp(2 (w - 32)) is 1.
inline constexpr double kMiddleWeight = 32;
/// Log of the 1e-6 that is added to the weights of a pixel: black, with this weight.
inline constexpr double kBlackLogWeight = -13.815510557964274;
/// Where 1 - X^4 meets exp(-4 X).
inline constexpr double kDepthMeeting = 0.9953012004451423;
/// 6 / pi: half turns of the cosine kernel.
inline constexpr double kCosineHalfTurns = 1.909859317102744;
inline constexpr double kHalfTurnsOfRadian = 0.3183098861837907;
/// 4 e, and -4 e^2 sin(1): what the code's sharp kernel is from X = 2 on.
inline constexpr double kSharpScale = 10.873127313836180;
inline constexpr double kSharpFloor = -24.87070524947187;

/// h(D) = depth_factor * fall^power: exp(-D)^4, or exp(-X)^8 beyond the meeting of a sharp kernel's
/// depth profile, before which fall is 1.
template <Kernel kernel>
inline constexpr int kFallPower = is_sharp(kernel) ? 8 : 4;

/// power log(fall): log h(D), or for sharp kernels up to 8 above it.
template <Kernel kernel, class Use, class Real>
NEUROSPLAT_FORMULA Real log_depth(const Real& distance) {
  using Constant = typename Use::Constant;
  if constexpr (is_sharp(kernel)) {
    const Real x = Use::lesser(Constant(2) * distance, Use::all(2));
    return Use::select(x < Constant(kDepthMeeting), Use::all(0), Constant(-8) * x);
  } else {
    return Constant(-4) * distance;
  }
}

/// The D from which on log_depth(D) <= log_depth; 0 where log_depth > 0, 1e30 where it never is.
template <Kernel kernel, class Use, class Real>
NEUROSPLAT_FORMULA Real distance_at(const Real& log_depth) {
  using Constant = typename Use::Constant;
  if constexpr (is_sharp(kernel)) {
    const Real distance = log_depth * Constant(-1.0 / 16);
    const Real meeting = Use::all(Constant(kDepthMeeting / 2));
    const Real held = Use::select(distance < meeting, meeting, distance);
    return Use::select(log_depth > Constant(0), Use::all(0),
                       Use::select(distance < Constant(1), held, Use::all(Constant(1e30))));
  } else {
    return Constant(-0.25) * log_depth;
  }
}

/// What a pixel needs of a splat at D: K, dK/dD, the parts of h and d log h / dD.
template <class Real>
struct Profile {
  Real value, value_slope, fall, depth_factor, depth_slope;
};

namespace detail {

/// exp(t) sin(t) and exp(t) cos(t) for 0 <= t <= 1: the imaginary and real part of exp((1 + i) t),
/// by its series to t^12 (whose next term is 1e-8).
template <class Use, class Real>
NEUROSPLAT_FORMULA void growing_wave(const Real& t, Real& sine, Real& cosine) {
  using Constant = typename Use::Constant;
  const Real t2 = t * t, t4 = t2 * t2;
  // Terms come in fours: t^(4n) of the sine and t^(4n + 2) of the cosine are zero.
  const Real sine_high =
      Constant(1.0 / 22680) + t * Constant(1.0 / 113400) + t2 * Constant(1.0 / 1247400);
  const Real sine_middle =
      Constant(-1.0 / 30) + t * Constant(-1.0 / 90) + t2 * Constant(-1.0 / 630) + t4 * sine_high;
  sine = t * (Constant(1) + t + t2 * Constant(1.0 / 3) + t4 * sine_middle);
  const Real cosine_high = Constant(1.0 / 2520) +
                           t * (Constant(1.0 / 22680) + t2 * Constant(-1.0 / 1247400)) +
                           t4 * Constant(-1.0 / 7484400);
  const Real cosine_middle = Constant(-1.0 / 6) + t * Constant(-1.0 / 30) +
                             (t * t2) * Constant(1.0 / 630) + t4 * cosine_high;
  cosine = Constant(1) + t + (t * t2) * Constant(-1.0 / 3) + t4 * cosine_middle;
}

template <Kernel kernel, class Use, class Real>
NEUROSPLAT_FORMULA void sharp_kernel(const Real& x, const Real& held, Profile<Real>& result) {
  using Constant = typename Use::Constant;
  const Real x2 = held * held, x4 = x2 * x2, x12 = x4 * x4 * x4;
  Real sine, cosine, outer, outer_slope;
  if constexpr (kernel == Kernel::kSharp) {
    growing_wave<Use>(held - Constant(1), sine, cosine);
    outer = Constant(-kSharpScale) * sine;
    outer_slope =
        Use::select(x < Constant(2), Constant(-kSharpScale) * (sine + cosine), Use::all(0));
  } else {
    Use::sincos((x - Constant(1)) * Constant(kHalfTurnsOfRadian), sine, cosine);
    const Real scale = Constant(-4) * Use::exp(-Use::lesser(x, Use::all(80)));
    outer = scale * sine;
    outer_slope = scale * (cosine - sine);
  }
  result.value = Use::select(x < Constant(1), Constant(1) - x12 * x4, outer);
  result.value_slope =
      Constant(2) * Use::select(x < Constant(1), Constant(-16) * x12 * x2 * held, outer_slope);
}

}  // namespace detail

/// 0 <= D <= 80; sharp kernels: any D >= 0.
template <Kernel kernel, class Use, class Real>
NEUROSPLAT_FORMULA Profile<Real> profile(const Real& distance) {
  using Constant = typename Use::Constant;
  Profile<Real> result;
  if constexpr (is_sharp(kernel)) {
    const Real x = Constant(2) * distance;
    const Real held = Use::lesser(x, Use::all(2));
    const Real x2 = held * held, base = Constant(1) - x2 * x2;
    const auto within = held < Constant(kDepthMeeting);
    detail::sharp_kernel<kernel, Use>(x, held, result);
    result.fall = Use::select(within, Use::all(1), Use::exp(-held));
    result.depth_factor = Use::select(within, base * base, Use::all(1));
    result.depth_slope = Use::select(within, Constant(-16) * held * x2 / base,
                                     Use::select(x < Constant(2), Use::all(-16), Use::all(0)));
  } else {
    result.fall = Use::exp(-distance);
    if constexpr (kernel == Kernel::kCosine) {
      Real sine, cosine;
      Use::sincos(distance * Constant(kCosineHalfTurns), sine, cosine);
      result.value = result.fall * cosine;
      result.value_slope = Constant(-6) * (result.fall * sine) - result.value;
    } else {
      result.value = result.fall;
      result.value_slope = -result.fall;
    }
    result.depth_factor = Use::all(1);
    result.depth_slope = Use::all(-4);
  }
  return result;
}

/// depth_factor (root fall)^power: with root = exp(log-weight / power) the weight of a splat.
template <Kernel kernel, class Real, class Root>
NEUROSPLAT_FORMULA Real weight_of(const Profile<Real>& there, const Root& root) {
  const Real one = root * there.fall, two = one * one, four = two * two;
  return is_sharp(kernel) ? there.depth_factor * (four * four) : four;
}

/// What the gradient of a splat is made of: sums over its pixels, with s the loss's slope in D.
enum Sum : int {
  kSlopeP,   // s p
  kSlopeY,   // s d_y
  kSlopePX,  // s p d_x
  kSlopePY,  // s p d_y
  kSlopeYY,  // s d_y^2
  kSumRed,   // the loss's slope in the colours
  kSumGreen,
  kSumBlue,
  kSumLogWeight,  // and in log g
  kSums
};

/// Gradient of a splat with respect to its nine activated numbers.
template <class Real>
NEUROSPLAT_FORMULA void gradient_of_sums(const Real* splat, const Real* sums, Real* gradient) {
  const Real r = splat[kCorrelation], rest = (Real(1) - r) * (Real(1) + r);
  const Real scale = splat[kScaleY], two = Real(2);
  gradient[kOffsetX] = -two * splat[kScaleX] * sums[kSlopeP];
  gradient[kOffsetY] = -two * scale * (r * sums[kSlopeP] + rest * scale * sums[kSlopeY]);
  gradient[kScaleX] = two * sums[kSlopePX];
  gradient[kScaleY] = two * (r * sums[kSlopePY] + rest * scale * sums[kSlopeYY]);
  gradient[kCorrelation] = two * scale * (sums[kSlopePY] - r * scale * sums[kSlopeYY]);
  gradient[kRed] = sums[kSumRed];
  gradient[kGreen] = sums[kSumGreen];
  gradient[kBlue] = sums[kSumBlue];
  gradient[kWeight] = two * sums[kSumLogWeight];
}

}  // namespace neurosplat::patches
