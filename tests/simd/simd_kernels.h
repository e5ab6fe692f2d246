#pragma once

#include <cstdint>

#include "neurosplat/simd/product.h"
#include "neurosplat/simd/random.h"

namespace neurosplat::testing {

/// simd's loops behind functions, of the width of the baseline. `count` is a multiple of 4.
void exponentials(const float* in, std::int64_t count, float* out);
/// For numbers of -87 to 0.
void exponentials_of_negatives(const float* in, std::int64_t count, float* out);
/// sin and cos of pi times the numbers.
void waves(const float* in, std::int64_t count, float* sine, float* cosine);
/// Adds the sums of nine rows of 4 floats each to out[9].
void add_rows(const float* in, float* out);
/// Whether any of 4 floats is above 0.
bool any_above_zero(const float* in);
void logarithms(const float* in, std::int64_t count, float* out);
void uniforms(simd::RandomKey key, std::int64_t count, float* out);
void waits(simd::RandomKey key, std::int64_t count, float* out);
/// Pairs from counters 2 i and 2 i + 1: `count` of each.
void normals(simd::RandomKey key, std::int64_t count, float* first, float* second);
void multiply(const simd::Product& product);

}  // namespace neurosplat::testing
