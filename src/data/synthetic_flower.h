#pragma once

#include <cstdint>

namespace neurosplat {

/// Paints a flower of random petals, colours, size and place on a smooth background as uint8
/// [3, side, side]. The same `seed` gives the same flower at any size.
void paint_flower(std::uint64_t seed, std::int64_t side, std::uint8_t* planes);

}  // namespace neurosplat
