// Included once per instruction set by gabor_kernels.cpp, inside a namespace of its own.

template <class Real>
struct Wide {
  typedef Real type __attribute__((vector_size(32)));
};
template <class Real>
using Vector = typename Wide<Real>::type;

template <class Real>
inline __attribute__((always_inline)) void load(const Real* from, Vector<Real>& to) {
  __builtin_memcpy(&to, from, sizeof to);
}

/// Two vectors wide, so that twelve sums stay in registers at once.
template <class Real, int kFilters>
void sums_of(const Real* const* in, std::int64_t count, const Real* taps, std::int64_t stride,
             Real* const* out, std::int64_t length) {
  constexpr std::int64_t kWide = sizeof(Vector<Real>) / sizeof(Real);
  for (std::int64_t x = 0; x < length; x += 2 * kWide) {
    Vector<Real> low[kFilters] = {}, high[kFilters] = {};
    for (std::int64_t j = 0; j < count; ++j) {
      Vector<Real> a, b;
      load(in[j] + x, a);
      load(in[j] + x + kWide, b);
#pragma GCC unroll 6
      for (int m = 0; m < kFilters; ++m) {
        const Real tap = taps[m * stride + j];
        low[m] += tap * a;
        high[m] += tap * b;
      }
    }
#pragma GCC unroll 6
    for (int m = 0; m < kFilters; ++m) {
      __builtin_memcpy(out[m] + x, &low[m], sizeof low[m]);
      __builtin_memcpy(out[m] + x + kWide, &high[m], sizeof high[m]);
    }
  }
}

template <class Real>
void weighted_sums(const Real* const* in, std::int64_t count, const Real* taps, std::int64_t stride,
                   int filters, Real* const* out, std::int64_t length) {
  switch (filters) {
    case 1:
      return sums_of<Real, 1>(in, count, taps, stride, out, length);
    case 2:
      return sums_of<Real, 2>(in, count, taps, stride, out, length);
    case 3:
      return sums_of<Real, 3>(in, count, taps, stride, out, length);
    case 4:
      return sums_of<Real, 4>(in, count, taps, stride, out, length);
    case 5:
      return sums_of<Real, 5>(in, count, taps, stride, out, length);
    default:
      return sums_of<Real, 6>(in, count, taps, stride, out, length);
  }
}

template <class Real>
void agreement(const Real* world, const Real* gist, std::int64_t orientations, std::int64_t pixels,
               std::int64_t first, std::int64_t last, Real* gain) {
  constexpr Real kSmall = Real(1e-9);
  constexpr std::int64_t kBlock = 64;
  for (std::int64_t begin = first; begin < last; begin += kBlock) {
    const std::int64_t count = last - begin < kBlock ? last - begin : kBlock;
    Real total[kBlock] = {}, agreeing[kBlock] = {};
    for (std::int64_t o = 0; o < orientations; ++o) {
      const Real* w_re = world + 2 * o * pixels + begin;
      const Real* w_im = w_re + pixels;
      const Real* g_re = gist + 2 * o * pixels + begin;
      const Real* g_im = g_re + pixels;
      for (std::int64_t i = 0; i < count; ++i) {
        const Real inner = w_re[i] * g_re[i] + w_im[i] * g_im[i];
        const Real amplitude = std::sqrt(w_re[i] * w_re[i] + w_im[i] * w_im[i]) *
                               std::sqrt(g_re[i] * g_re[i] + g_im[i] * g_im[i]);
        total[i] += amplitude;
        agreeing[i] += amplitude * (Real(0.5) + Real(0.5) * (inner / (amplitude + kSmall)));
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const Real value = agreeing[i] / (total[i] + kSmall);
      const Real above = value > Real(0) ? value : Real(0);
      gain[begin + i] = above < Real(1) ? above : Real(1);
    }
  }
}

template <class Real>
constexpr Kernels<Real> kKernels{weighted_sums<Real>, agreement<Real>};
