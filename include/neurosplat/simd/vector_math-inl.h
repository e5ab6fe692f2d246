// Numbers by the vector, in files that are compiled for one instruction set (README.md). No
// function of the standard library here: compiled for another set, it could become the one that the
// whole program uses.

#define NEUROSPLAT_INLINE inline __attribute__((always_inline))
#define NEUROSPLAT_UNROLL _Pragma("GCC unroll 16")

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t Integers __attribute__((vector_size(4 * kLanes)));
typedef std::uint32_t Words __attribute__((vector_size(4 * kLanes)));

NEUROSPLAT_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

NEUROSPLAT_INLINE Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

NEUROSPLAT_INLINE void store(float* to, Vector value) {
  __builtin_memcpy(to, &value, sizeof value);
}

NEUROSPLAT_INLINE Vector all(float value) {
  return Vector{} + value;
}

NEUROSPLAT_INLINE Vector magnitude(Vector x) {
  return x < 0.0f ? -x : x;
}

NEUROSPLAT_INLINE Vector larger(Vector x, Vector y) {
  return x > y ? x : y;
}

NEUROSPLAT_INLINE Vector lesser(Vector x, Vector y) {
  return x < y ? x : y;
}

/// Sum over the lanes, in halves.
NEUROSPLAT_INLINE float sum_of(Vector x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

/// Whether any lane of a comparison holds: one instruction where there is one.
template <class Mask>
NEUROSPLAT_INLINE bool any_of(Mask mask) {
  std::int64_t words[sizeof(Mask) / sizeof(std::int64_t)];
  __builtin_memcpy(words, &mask, sizeof mask);
  std::int64_t found = 0;
  NEUROSPLAT_UNROLL
  for (const std::int64_t word : words) found |= word;
  return found != 0;
}
#if defined(__SSE__)
typedef float Floats128 __attribute__((vector_size(16)));
typedef std::int32_t Mask128 __attribute__((vector_size(16)));
template <>
NEUROSPLAT_INLINE bool any_of(Mask128 mask) {
  return __builtin_ia32_movmskps(reinterpret_cast<Floats128>(mask)) != 0;
}
#endif
#if defined(__AVX__)
typedef float Floats256 __attribute__((vector_size(32)));
typedef std::int32_t Mask256 __attribute__((vector_size(32)));
template <>
NEUROSPLAT_INLINE bool any_of(Mask256 mask) {
  return __builtin_ia32_movmskps256(reinterpret_cast<Floats256>(mask)) != 0;
}
#endif
#if defined(__AVX512DQ__)
typedef std::int32_t Mask512 __attribute__((vector_size(64)));
template <>
NEUROSPLAT_INLINE bool any_of(Mask512 mask) {
  return __builtin_ia32_cvtd2mask512(mask) != 0;
}
#endif
NEUROSPLAT_INLINE bool any(Integers mask) {
  return any_of(mask);
}

/// Sums of neighbouring lanes: those of x, then those of y.
NEUROSPLAT_INLINE Vector pair_sums(Vector x, Vector y) {
  Integers even;
  for (int i = 0; i < kLanes; ++i) even[i] = 2 * i;
  return __builtin_shuffle(x, y, even) + __builtin_shuffle(x, y, even + 1);
}

/// Adds the sums over the lanes of `Count` <= 16 vectors to that many floats, all at once; x has
/// room for 16 and line too.
template <int Count>
NEUROSPLAT_INLINE void add_lanes(Vector* x, float* line) {
  int count = Count;
  NEUROSPLAT_UNROLL
  for (int width = kLanes; width > 1; width /= 2) {
    NEUROSPLAT_UNROLL
    for (int i = 0; i < (count + 1) / 2; ++i) {
      x[i] = pair_sums(x[2 * i], 2 * i + 1 < count ? x[2 * i + 1] : Vector{});
    }
    count = (count + 1) / 2;
  }
  NEUROSPLAT_UNROLL
  for (int i = 0; i < count; ++i) store(line + i * kLanes, load(line + i * kLanes) + x[i]);
}

NEUROSPLAT_INLINE Vector square_root(Vector x) {
  Vector root;
  for (int i = 0; i < kLanes; ++i) root[i] = __builtin_sqrtf(x[i]);
  return root;
}

/// x to the nearest integer, for |x| < 2^22.
NEUROSPLAT_INLINE Vector round_nearest(Vector x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

/// exp(x) for -87 <= x <= 88, to a few units in the last place. Coefficients: Cephes expf.
NEUROSPLAT_INLINE Vector exp_within(Vector x) {
  const Vector power = round_nearest(x * 1.44269504088896341f);
  const Vector r = (x - power * 0.693359375f) + power * 2.12194440e-4f;
  Vector p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Vector mantissa = p * (r * r) + (r + 1.0f);
  const Integers bits = (__builtin_convertvector(power, Integers) + 127) << 23;
  return mantissa * reinterpret_cast<Vector>(bits);
}

/// exp(x), its argument held within what float32 has: 1e-38 to 1e38.
NEUROSPLAT_INLINE Vector exponential(Vector x) {
  return exp_within(larger(lesser(x, all(87.0f)), all(-87.0f)));
}

/// Envelopes below exp(-kLowest) are written as zero: far below the float32 error of a sum of
/// numbers about 1, and far above the denormal numbers that slow products down.
constexpr float kLowest = 32.0f;

/// exp(x) for -kLowest <= x <= 0, zero below.
NEUROSPLAT_INLINE Vector exp_or_zero(Vector x) {
  const Vector value = exp_within(x < -kLowest ? all(-kLowest) : x);
  return x < -kLowest ? Vector{} : value;
}

/// log(x) for normal x above 0, to a few units in the last place. Coefficients: Cephes logf.
NEUROSPLAT_INLINE Vector logarithm(Vector x) {
  const Integers bits = reinterpret_cast<Integers>(x);
  Vector exponent = __builtin_convertvector((bits >> 23) - 126, Vector);
  Vector m = reinterpret_cast<Vector>((bits & 0x007fffff) | 0x3f000000);  // [1/2, 1)
  const Integers low = m < 0.707106781186547524f;
  exponent = low ? exponent - 1.0f : exponent;
  m = (low ? m + m : m) - 1.0f;
  // Cephes' polynomial in pairs (Estrin), whose chain is half as long.
  const Vector z = m * m, z2 = z * z;
  const Vector low_terms =
      (-2.4999993993e-1f * m + 3.3333331174e-1f) + z * (-1.6668057665e-1f * m + 2.0000714765e-1f);
  const Vector high_terms =
      (-1.2420140846e-1f * m + 1.4249322787e-1f) + z * (-1.1514610310e-1f * m + 1.1676998740e-1f);
  const Vector p = low_terms + z2 * (high_terms + z2 * 7.0376836292e-2f);
  const Vector y = p * m * z - 2.12194440e-4f * exponent - 0.5f * z;
  return (m + y) + 0.693359375f * exponent;
}

struct SinCos {
  Vector sine, cosine;
};

/// sin and cos of 2 pi turns, for |turns| <= 1/2. Coefficients: Cephes sinf, cosf.
NEUROSPLAT_INLINE SinCos sincos_turns(Vector turns) {
  const Vector quarter = round_nearest(4.0f * turns);
  const Vector z = (turns - 0.25f * quarter) * 6.283185307179586f;
  const Vector zz = z * z;
  const Vector s =
      ((-1.9515295891e-4f * zz + 8.3321608736e-3f) * zz - 1.6666654611e-1f) * (zz * z) + z;
  const Vector c =
      ((2.443315711809948e-5f * zz - 1.388731625493765e-3f) * zz + 4.166664568298827e-2f) *
          (zz * zz) +
      (1.0f - 0.5f * zz);
  const Integers q = __builtin_convertvector(quarter, Integers);
  const Vector swapped_s = (q & 1) != 0 ? c : s;
  const Vector swapped_c = (q & 1) != 0 ? s : c;
  return {(q & 2) != 0 ? -swapped_s : swapped_s, ((q + 1) & 2) != 0 ? -swapped_c : swapped_c};
}

/// sin and cos of pi x for |x| < 2^22, to 2e-7. No lane is swapped for another, so that a loop that
/// uses one of them pays for one. Coefficients: least squares in Chebyshev points, z = x -
/// round(x).
NEUROSPLAT_INLINE SinCos sincos_half_turns(Vector x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: its last bit is round(x)'s
  const Vector shifted = x + kMagic;
  const Integers sign = reinterpret_cast<Integers>(shifted) << 31;
  const Vector z = x - (shifted - kMagic);
  const Vector zz = z * z;
  const Vector s =
      z * ((((0.07765940788f * zz + -0.5982921593f) * zz + 2.55007766f) * zz + -5.16771009f) * zz +
           3.14159264f);
  const Vector c =
      ((((-0.02442069864f * zz + 0.2349539248f) * zz + -1.335216105f) * zz + 4.0587096f) * zz +
       -4.934802156f) *
          zz +
      1.0f;
  return {reinterpret_cast<Vector>(reinterpret_cast<Integers>(s) ^ sign),
          reinterpret_cast<Vector>(reinterpret_cast<Integers>(c) ^ sign)};
}

/// exp(x) for -87 <= x <= 0 in fewer steps than exp_within(): the power of two is added to the
/// exponent's bits.
NEUROSPLAT_INLINE Vector exp_of_negative(Vector x) {
  constexpr float kMagic = 12582912.0f;
  const Vector shifted = x * 1.44269504088896341f + kMagic;
  const Vector power = shifted - kMagic;
  const Vector r = (x - power * 0.693359375f) + power * 2.12194440e-4f;
  Vector p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Vector mantissa = (p * r + 1.0f) * r + 1.0f;
  const Integers bits =
      reinterpret_cast<Integers>(mantissa) + (reinterpret_cast<Integers>(shifted) << 23);
  return reinterpret_cast<Vector>(bits);
}

/// What packet.h's formulas are made of, by the vector; all from e = exp(-|x|), to float32's
/// absolute precision.
struct VectorArithmetic {
  using Constant = float;

  NEUROSPLAT_INLINE static Vector logistic(Vector value) {
    const Vector e = exp_or_zero(-magnitude(value));
    return (value >= 0.0f ? all(1.0f) : e) / (1.0f + e);
  }
  NEUROSPLAT_INLINE static Vector logistic_slope(Vector value) {
    const Vector e = exp_or_zero(-magnitude(value));
    return e / ((1.0f + e) * (1.0f + e));
  }
  NEUROSPLAT_INLINE static Vector tanh(Vector value) {
    const Vector e = exp_or_zero(-2.0f * magnitude(value));
    const Vector positive = (1.0f - e) / (1.0f + e);
    return value < 0.0f ? -positive : positive;
  }
  NEUROSPLAT_INLINE static Vector tanh_slope(Vector value) {
    return 4.0f * logistic_slope(2.0f * value);
  }
};
