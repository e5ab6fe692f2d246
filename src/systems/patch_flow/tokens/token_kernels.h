#pragma once

#include <cstdint>

/// Loops over one picture's tokens, without torch. Channels of a row are a multiple of the widest
/// vector, simd::kPadding, and of a head twice that. Adjoints of modulations are added to.
namespace neurosplat::tokens {

/// float32's upper half.
struct BFloat16 {
  std::uint16_t bits;
};

/// Added to mean squares.
inline constexpr float kNormEpsilon = 1e-6F;
inline constexpr std::int64_t kMostHeadChannels = 1024;

/// y = x / rms(x) * (1 + scale) + shift, row by row.
template <class Number>
struct Modulation {
  std::int64_t rows, channels;
  const float *x, *scale, *shift;
  Number* y;
};
template <class Number>
struct ModulationBack {
  std::int64_t rows, channels;
  const float *x, *scale;
  const Number* y_adjoint;
  float *x_adjoint, *scale_adjoint, *shift_adjoint;
};

/// sum = x + gate * y.
template <class Number>
struct GatedSum {
  std::int64_t rows, channels;
  const float *x, *gate;
  const Number* y;
  float* sum;
};
template <class Number>
struct GatedSumBack {
  std::int64_t rows, channels;
  const float *gate, *sum_adjoint;
  const Number* y;
  Number* y_adjoint;
  float* gate_adjoint;
};

/// Rows of (query, key, value), each of heads * channels, to heads of rows. Queries and keys are
/// divided by their rms, multiplied by their scale and turned: the first half of a head's channels
/// and the second are the two sides of as many planes.
template <class Number>
struct Heads {
  std::int64_t rows, heads, channels;
  const Number* joined;
  const float* scales;         ///< [2, channels]
  const float *cosine, *sine;  ///< [rows, channels / 2]
  Number* parts[3];            ///< [heads, rows, channels]
};
template <class Number>
struct HeadsBack {
  std::int64_t rows, heads, channels;
  const Number* joined;
  const float *scales, *cosine, *sine;
  const Number* part_adjoints[3];
  Number* joined_adjoint;
  float* scales_adjoint;
};

/// out = a sigmoid(a) b of rows (a, b).
template <class Number>
struct SwiGlu {
  std::int64_t rows, channels;  ///< channels of `out`
  const Number* joined;
  Number* out;
};
template <class Number>
struct SwiGluBack {
  std::int64_t rows, channels;
  const Number *joined, *out_adjoint;
  Number* joined_adjoint;
};

template <class Number>
struct Passes {
  void (*modulate)(const Modulation<Number>&);
  void (*modulate_back)(const ModulationBack<Number>&);
  void (*gated_sum)(const GatedSum<Number>&);
  void (*gated_sum_back)(const GatedSumBack<Number>&);
  void (*heads)(const Heads<Number>&);
  void (*heads_back)(const HeadsBack<Number>&);
  void (*swiglu)(const SwiGlu<Number>&);
  void (*swiglu_back)(const SwiGluBack<Number>&);
};

struct Kernels {
  Passes<float> single;
  Passes<BFloat16> half;
};

/// Of the instruction set in use.
const Kernels& kernels();

}  // namespace neurosplat::tokens
