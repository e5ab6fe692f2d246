#include "simd/simd_kernels.h"

#define NEUROSPLAT_ROWS 4

namespace neurosplat::testing {
namespace {

constexpr int kLanes = 4;

using simd::Product;
using simd::RandomKey;

// clang-format off
#include "neurosplat/simd/vector_math-inl.h"
#include "neurosplat/simd/random-inl.h"
#include "neurosplat/simd/product-inl.h"
// clang-format on

Words counters(std::int64_t first) {
  Words lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = static_cast<std::uint32_t>(first + i);
  return lanes;
}

}  // namespace

void exponentials(const float* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(out + i, exponential(load(in + i)));
}

void exponentials_of_negatives(const float* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(out + i, exp_of_negative(load(in + i)));
}

void waves(const float* in, std::int64_t count, float* sine, float* cosine) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const auto both = sincos_half_turns(load(in + i));
    store(sine + i, both.sine);
    store(cosine + i, both.cosine);
  }
}

void add_rows(const float* in, float* out) {
  constexpr int kRowsOf = 9;
  Vector rows[16] = {};
  for (int i = 0; i < kRowsOf; ++i) rows[i] = load(in + i * kLanes);
  float line[16] = {};
  for (int i = 0; i < kRowsOf; ++i) line[i] = out[i];
  add_lanes<kRowsOf>(rows, line);
  for (int i = 0; i < kRowsOf; ++i) out[i] = line[i];
}

bool any_above_zero(const float* in) {
  return any(load(in) > 0.0f);
}

void logarithms(const float* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) store(out + i, logarithm(load(in + i)));
}

void uniforms(RandomKey key, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    store(out + i, uniform(random_bits(key, counters(i))));
  }
}

void waits(RandomKey key, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    store(out + i, exponential_wait(random_bits(key, counters(i))));
  }
}

void normals(RandomKey key, std::int64_t count, float* first, float* second) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Words counter = 2u * counters(i);
    const auto pair = normal_pair(random_bits(key, counter), random_bits(key, counter + 1u));
    store(first + i, pair.first);
    store(second + i, pair.second);
  }
}

void multiply(const Product& p) {
  product(p);
}

}  // namespace neurosplat::testing
