#pragma once

#include <cstdint>

/// The loops of the Gabor bank and the agreement gate. Plain pointers and sizes; no torch.
namespace neurosplat::gabor {

/// Pointers of a weighted sum are read and written up to the next multiple of this many numbers.
inline constexpr std::int64_t kLanes = 16;

/// Filters that one call of weighted_sums may apply.
inline constexpr int kMostFilters = 6;

/// One set of kernels for an instruction set and a number type.
template <class Real>
struct Kernels {
  /// out[m][x] = sum_j taps[m * stride + j] * in[j][x] for m below `filters`, x below `length`.
  void (*weighted_sums)(const Real* const* in, std::int64_t count, const Real* taps,
                        std::int64_t stride, int filters, Real* const* out, std::int64_t length);
  /// Agreement of two responses [O, 2, pixels] at pixels first..last-1, written to gain[first...].
  void (*agreement)(const Real* world, const Real* gist, std::int64_t orientations,
                    std::int64_t pixels, std::int64_t first, std::int64_t last, Real* gain);
};

/// The best set that this processor runs, chosen once.
template <class Real>
const Kernels<Real>& kernels();

}  // namespace neurosplat::gabor
