// Included once per instruction set by matrix_kernels.cpp, inside a namespace of its own.
// Inner loops run over a block of packets without branches, so that the compiler vectorises them.

#define NEUROSPLAT_INLINE inline __attribute__((always_inline))

/// x to the nearest integer, for |x| < 2^22.
NEUROSPLAT_INLINE float round_nearest(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

/// exp(x) for -kCutoff <= x <= 0, zero below. Coefficients: Cephes expf.
NEUROSPLAT_INLINE float exp_or_zero(float x) {
  const float clamped = x < -kCutoff ? -kCutoff : x;
  const float power = round_nearest(clamped * 1.44269504088896341f);
  const float r = (clamped - power * 0.693359375f) + power * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float mantissa = p * (r * r) + (r + 1.0f);
  const auto bits = static_cast<std::uint32_t>((static_cast<std::int32_t>(power) + 127)) << 23;
  const float value = mantissa * std::bit_cast<float>(bits);
  return x < -kCutoff ? 0.0f : value;
}

struct SinCos {
  float sine, cosine;
};

/// sin and cos of 2 pi turns, for |turns| <= 1/2. Coefficients: Cephes sinf, cosf.
NEUROSPLAT_INLINE SinCos sincos_turns(float turns) {
  const float quarter = round_nearest(4.0f * turns);
  const float z = (turns - 0.25f * quarter) * 6.283185307179586f;
  const float zz = z * z;
  const float s =
      ((-1.9515295891e-4f * zz + 8.3321608736e-3f) * zz - 1.6666654611e-1f) * (zz * z) + z;
  const float c =
      ((2.443315711809948e-5f * zz - 1.388731625493765e-3f) * zz + 4.166664568298827e-2f) *
          (zz * zz) +
      (1.0f - 0.5f * zz);
  const auto q = static_cast<std::int32_t>(quarter);
  const float swapped_s = (q & 1) != 0 ? c : s;
  const float swapped_c = (q & 1) != 0 ? s : c;
  return {(q & 2) != 0 ? -swapped_s : swapped_s, ((q + 1) & 2) != 0 ? -swapped_c : swapped_c};
}

/// What one axis needs of a block of packets. Distances are taken in pixels from a centre kept in
/// two floats, and turns from a frequency kept in two: at 16 cycles a single float would cost
/// 3e-6 in the phase.
struct AxisBlock {
  float centre[kBlock], centre_rest[kBlock];  // pixels
  float turns[kBlock], turns_rest[kBlock];    // cycles per pixel along this axis
  float sharpness[kBlock];                    // 1 / (2 width^2), per pixel^2
};

NEUROSPLAT_INLINE void split(double value, float& high, float& rest) {
  high = static_cast<float>(value);
  rest = static_cast<float>(value - static_cast<double>(high));
}

/// `vertical` selects y and sin(theta) instead of x and cos(theta).
static void load_axis(const float* packets, int stride, std::int64_t count, std::int64_t length,
                      bool vertical, AxisBlock& axis) {
  const auto pixels = static_cast<double>(length - 1);
  for (std::int64_t n = 0; n < count; ++n) {
    const float* one = packets + n * stride;
    const double angle = one[packet::kOrientation];
    const double direction = vertical ? std::sin(angle) : std::cos(angle);
    const double width = one[packet::kWidth] * pixels;
    split(one[vertical ? packet::kY : packet::kX] * pixels, axis.centre[n], axis.centre_rest[n]);
    split(one[packet::kFrequency] * direction / pixels, axis.turns[n], axis.turns_rest[n]);
    axis.sharpness[n] = static_cast<float>(0.5 / (width * width));
  }
}

/// Factors of one grid line at `position` pixels, for a block.
static void write_axis_line(const AxisBlock& axis, std::int64_t count, float position,
                            float* __restrict re, float* __restrict im) {
  for (std::int64_t n = 0; n < count; ++n) {
    const float d = (position - axis.centre[n]) - axis.centre_rest[n];
    const float envelope = exp_or_zero(-(d * d) * axis.sharpness[n]);
    const float whole = round_nearest(d * axis.turns[n]);
    const float turns = (d * axis.turns[n] - whole) + d * axis.turns_rest[n];
    const SinCos wave = sincos_turns(turns);
    re[n] = envelope * wave.cosine;
    im[n] = envelope * wave.sine;
  }
}

struct CoefficientBlock {
  float a[kBlock], b[kBlock];
};

NEUROSPLAT_INLINE void load_coefficients(const float* packets, int stride, std::int64_t count,
                                         std::int64_t channel, CoefficientBlock& q) {
  for (std::int64_t n = 0; n < count; ++n) {
    q.a[n] = packets[n * stride + packet::kCoefficients + 2 * channel];
    q.b[n] = packets[n * stride + packet::kCoefficients + 2 * channel + 1];
  }
}

static void write_block(const Shape& shape, const float* packets, std::int64_t first,
                        std::int64_t count, float* left, float* columns, float* rows) {
  const std::int64_t line = 2 * shape.packets;
  const int stride = packet::numbers(static_cast<int>(shape.channels));
  const float* own = packets + first * stride;
  AxisBlock axis;
  load_axis(own, stride, count, shape.width, false, axis);
  for (std::int64_t u = 0; u < shape.width; ++u) {
    float* re = columns + u * line + first;
    write_axis_line(axis, count, static_cast<float>(u), re, re + shape.packets);
  }
  load_axis(own, stride, count, shape.height, true, axis);
  for (std::int64_t v = 0; v < shape.height; ++v) {
    float* re = rows + v * line + first;
    write_axis_line(axis, count, static_cast<float>(v), re, re + shape.packets);
  }
  CoefficientBlock q;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    load_coefficients(own, stride, count, c, q);
    for (std::int64_t v = 0; v < shape.height; ++v) {
      const float* __restrict re = rows + v * line + first;
      const float* __restrict im = re + shape.packets;
      float* __restrict out_re = left + (c * shape.height + v) * line + first;
      float* __restrict out_im = out_re + shape.packets;
      for (std::int64_t n = 0; n < count; ++n) {
        out_re[n] = q.a[n] * re[n] - q.b[n] * im[n];
        out_im[n] = -(q.a[n] * im[n] + q.b[n] * re[n]);
      }
    }
  }
}

static void write_factors(const Shape& shape, const float* packets, std::int64_t first,
                          std::int64_t last, float* left, float* columns, float* rows) {
  for (std::int64_t n = first; n < last; n += kBlock) {
    write_block(shape, packets, n, std::min(kBlock, last - n), left, columns, rows);
  }
}

struct MomentBlock {
  float zeroth_re[kBlock], zeroth_im[kBlock], first_re[kBlock], first_im[kBlock], second_re[kBlock];
};

/// Adds one grid line, g E with E the axis factor: g = (gradient_re, -gradient_im).
NEUROSPLAT_INLINE void add_line(const AxisBlock& axis, std::int64_t count, float position,
                                float scale, const float* __restrict product_re,
                                const float* __restrict product_im, MomentBlock& sums) {
  for (std::int64_t n = 0; n < count; ++n) {
    const float d = ((position - axis.centre[n]) - axis.centre_rest[n]) * scale;
    sums.zeroth_re[n] += product_re[n];
    sums.zeroth_im[n] += product_im[n];
    sums.first_re[n] += d * product_re[n];
    sums.first_im[n] += d * product_im[n];
    sums.second_re[n] += d * d * product_re[n];
  }
}

static void column_moments(const Shape& shape, const AxisBlock& axis, std::int64_t first,
                           std::int64_t count, const float* columns, const float* columns_gradient,
                           MomentBlock& sums) {
  const std::int64_t line = 2 * shape.packets;
  const float scale = 1.0f / static_cast<float>(shape.width - 1);
  float re[kBlock], im[kBlock];
  sums = {};
  for (std::int64_t u = 0; u < shape.width; ++u) {
    const float* __restrict x = columns + u * line + first;
    const float* __restrict g = columns_gradient + u * line + first;
    const float* __restrict x_im = x + shape.packets;
    const float* __restrict g_im = g + shape.packets;
    for (std::int64_t n = 0; n < count; ++n) {
      re[n] = g[n] * x[n] + g_im[n] * x_im[n];
      im[n] = g[n] * x_im[n] - g_im[n] * x[n];
    }
    add_line(axis, count, static_cast<float>(u), scale, re, im, sums);
  }
}

/// Also writes the coefficients' gradients: sum over v of the channel's part.
static void row_moments(const Shape& shape, const float* own, const AxisBlock& axis,
                        std::int64_t first, std::int64_t count, const float* rows,
                        const float* left_gradient, MomentBlock& sums, float* own_gradient) {
  const std::int64_t line = 2 * shape.packets;
  const int stride = packet::numbers(static_cast<int>(shape.channels));
  const float scale = 1.0f / static_cast<float>(shape.height - 1);
  CoefficientBlock q, q_gradient;
  float re[kBlock], im[kBlock];
  sums = {};
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    load_coefficients(own, stride, count, c, q);
    q_gradient = {};
    for (std::int64_t v = 0; v < shape.height; ++v) {
      const float* __restrict y = rows + v * line + first;
      const float* __restrict g = left_gradient + (c * shape.height + v) * line + first;
      const float* __restrict y_im = y + shape.packets;
      const float* __restrict g_im = g + shape.packets;
      for (std::int64_t n = 0; n < count; ++n) {
        const float t_re = g[n] * y[n] - g_im[n] * y_im[n];
        const float t_im = g[n] * y_im[n] + g_im[n] * y[n];
        q_gradient.a[n] += t_re;
        q_gradient.b[n] -= t_im;
        re[n] = q.a[n] * t_re - q.b[n] * t_im;
        im[n] = q.a[n] * t_im + q.b[n] * t_re;
      }
      add_line(axis, count, static_cast<float>(v), scale, re, im, sums);
    }
    for (std::int64_t n = 0; n < count; ++n) {
      own_gradient[n * stride + packet::kCoefficients + 2 * c] = q_gradient.a[n];
      own_gradient[n * stride + packet::kCoefficients + 2 * c + 1] = q_gradient.b[n];
    }
  }
}

NEUROSPLAT_INLINE packet::AxisMoments<float> moments_of(const MomentBlock& sums, std::int64_t n) {
  return {sums.zeroth_re[n], sums.zeroth_im[n], sums.first_re[n], sums.first_im[n],
          sums.second_re[n]};
}

static void gather_gradient(const Shape& shape, const float* packets, std::int64_t first,
                            std::int64_t last, const float* columns, const float* rows,
                            const float* left_gradient, const float* columns_gradient,
                            float* gradient) {
  const int stride = packet::numbers(static_cast<int>(shape.channels));
  AxisBlock axis;
  MomentBlock x, y;
  for (std::int64_t start = first; start < last; start += kBlock) {
    const std::int64_t count = std::min(kBlock, last - start);
    const float* own = packets + start * stride;
    float* own_gradient = gradient + start * stride;
    load_axis(own, stride, count, shape.width, false, axis);
    column_moments(shape, axis, start, count, columns, columns_gradient, x);
    load_axis(own, stride, count, shape.height, true, axis);
    row_moments(shape, own, axis, start, count, rows, left_gradient, y, own_gradient);
    for (std::int64_t n = 0; n < count; ++n) {
      packet::geometry_gradient(own + n * stride, moments_of(x, n), moments_of(y, n),
                                own_gradient + n * stride);
    }
  }
}

#undef NEUROSPLAT_INLINE
