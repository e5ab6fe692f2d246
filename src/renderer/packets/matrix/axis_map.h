#pragma once

#include <array>
#include <cstdint>

#include "neurosplat/simd/aligned_floats.h"

/// Few points instead of all pixels. An axis factor exp(-d^2/2w^2 + 2 pi i f d) is as good as
/// band-limited: its spectrum is a Gaussian around f of deviation 1/(2 pi w). So its values at
/// somewhat more than two points a cycle decide all others: a fixed matrix takes them to the
/// pixels, and everything that grows with pixels (exponentials, products, sums) can be done on the
/// points instead, once for all packets that the points can carry.
///
/// The points are Chebyshev's, drawn towards even spacing by arcsin (Kosloff and Tal-Ezer, 1993);
/// the matrix is the least-squares one for packets up to the band. Both are our choice; the error
/// is tested.
namespace neurosplat::packet::matrix {

using simd::AlignedFloats;
using simd::take;

/// Points of a grid on [0, 1], and the band that it carries: packets with
/// |f| + kSpread / (2 pi w) <= band and w <= kBroadest, f in cycles and w in units of the canvas
/// side, come out at every pixel within 1e-7 of their amplitude.
struct PointGrid {
  std::int64_t points;
  double band;
};

inline constexpr double kSpread = 5.4;
inline constexpr double kBroadest = 0.35;

inline constexpr std::array kPointGrids = {
    PointGrid{16, 4.0},   PointGrid{32, 10.0}, PointGrid{48, 17.2},  PointGrid{64, 24.0},
    PointGrid{80, 31.5},  PointGrid{96, 38.5}, PointGrid{128, 53.0}, PointGrid{160, 68.0},
    PointGrid{192, 83.0}, PointGrid{224, 98.0}};

/// From the points of a grid to the pixels of one axis. Sizes are padded to kPadding; what is
/// beyond `points` and `length` is zero in the matrices and a repeated position.
struct AxisMap {
  std::int64_t points, length;
  double side;              ///< of the canvas, in the units of positions
  AlignedFloats positions;  ///< exact in float32
  bool identity;            ///< the points are the pixels; the matrices are empty
  AlignedFloats spread;     ///< [length][padded points]
  AlignedFloats gather;     ///< its transpose, [padded points][padded length]
};

/// The map of a grid to `length` pixels, or the identity when the grid has no fewer points than
/// pixels. Made at its first use and kept; safe to call from any thread.
const AxisMap& axis_map(std::int64_t points, std::int64_t length);

}  // namespace neurosplat::packet::matrix
