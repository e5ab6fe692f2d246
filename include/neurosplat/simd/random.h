#pragma once

#include <cstdint>

namespace neurosplat::simd {

/// Names one stream of random numbers (random-inl.h).
struct RandomKey {
  std::uint32_t low, high;
};

/// The key of stream `stream` of those that `seed` has: two rounds of SplitMix64's finaliser
/// (Steele, Lea and Flood 2014), so that neighbouring seeds and streams have nothing in common.
inline RandomKey random_key(std::uint64_t seed, std::uint64_t stream) {
  const auto mix = [](std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  };
  const std::uint64_t key =
      mix(mix(seed + 0x9e3779b97f4a7c15u) + (stream + 1) * 0x9e3779b97f4a7c15u);
  return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

}  // namespace neurosplat::simd
