#pragma once

#include <cstdint>

#include "neurosplat/simd/random.h"

namespace neurosplat::ivae {

/// Rates above this are not drawn arrival by arrival, which costs as many turns as there are;
/// below, kMostArrivals are never reached.
inline constexpr float kLargeRate = 200;
inline constexpr std::int32_t kMostArrivals = 512;

/// Draws the counts [count] of those log-rates anew that are above kLargeRate, exactly Poisson, by
/// rejection, from streams of their own.
void draw_large_counts(std::int64_t count, const float* log_rate, simd::RandomKey key,
                       float* sample);

}  // namespace neurosplat::ivae
