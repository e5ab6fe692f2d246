#pragma once

#include <cstdint>

#include "neurosplat/simd/product.h"
#include "neurosplat/simd/random.h"

namespace neurosplat::testing {

/// simd's loops behind functions, of the width of the baseline. `count` is a multiple of 4.
void exponentials(const float* in, std::int64_t count, float* out);
void logarithms(const float* in, std::int64_t count, float* out);
void uniforms(simd::RandomKey key, std::int64_t count, float* out);
void waits(simd::RandomKey key, std::int64_t count, float* out);
/// Pairs from counters 2 i and 2 i + 1: `count` of each.
void normals(simd::RandomKey key, std::int64_t count, float* first, float* second);
void multiply(const simd::Product& product);

}  // namespace neurosplat::testing
