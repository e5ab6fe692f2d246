#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

/// What a kernel asks of the machine, and nothing more. nvcc turns these into intrinsics; any
/// other compiler sees declarations, which tests/renderer/cuda_emulation defines, so that the
/// kernels' own text also runs on a processor.
#if defined(__CUDACC__)
#define NEUROSPLAT_DEVICE __device__ __forceinline__
#define NEUROSPLAT_UNROLL _Pragma("unroll")
#else
#define NEUROSPLAT_DEVICE inline
#define NEUROSPLAT_UNROLL
#endif

namespace neurosplat::packet::cuda::device {

#if defined(__CUDACC__)

/// Index of this thread in its block; blocks are one-dimensional.
NEUROSPLAT_DEVICE int thread() {
  return static_cast<int>(threadIdx.x);
}

NEUROSPLAT_DEVICE std::int64_t block() {
  return static_cast<std::int64_t>(blockIdx.x);
}

/// Waits for every thread of the block.
NEUROSPLAT_DEVICE void synchronise() {
  __syncthreads();
}

/// The same, and says whether any thread brought true.
NEUROSPLAT_DEVICE bool any_in_block(bool mine) {
  return __syncthreads_or(mine ? 1 : 0) != 0;
}

/// Bit i: lane i brought true. Every lane of the warp calls it.
NEUROSPLAT_DEVICE std::uint32_t ballot(bool mine) {
  return __ballot_sync(0xffffffffU, mine ? 1 : 0);
}

/// The value of the lane whose number differs by `mask`. Every lane of the warp calls it.
NEUROSPLAT_DEVICE float shuffle_xor(float value, int mask) {
  return __shfl_xor_sync(0xffffffffU, value, mask);
}

/// sum[16 x 8] += a[16 x 8] b[8 x 8] over the warp, operands in TF32 (low 13 bits zero), sums in
/// float32. With g = lane / 4 and t = lane % 4 a lane holds (PTX ISA, mma.m16n8k8 .tf32)
///   a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)    b: (t, g), (t + 4, g)
///   sum: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
NEUROSPLAT_DEVICE void multiply_add(float (&sum)[4], const std::uint32_t (&a)[4],
                                    const std::uint32_t (&b)[2]) {
  // Volatile: it must not move to where only some lanes go.
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

NEUROSPLAT_DEVICE std::uint32_t bits_of(float value) {
  return __float_as_uint(value);
}

NEUROSPLAT_DEVICE float float_of(std::uint32_t bits) {
  return __uint_as_float(bits);
}

NEUROSPLAT_DEVICE int count_bits(std::uint32_t bits) {
  return __popc(bits);
}

/// 2^x, to two units in the last place.
NEUROSPLAT_DEVICE float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// sin and cos of pi x.
NEUROSPLAT_DEVICE void sincos_of_pi(float x, float& sine, float& cosine) {
  sincospif(x, &sine, &cosine);
}

/// Bounds are checked in emulation only.
NEUROSPLAT_DEVICE void expect(bool) {}

#else

int thread();
std::int64_t block();
void synchronise();
bool any_in_block(bool mine);
std::uint32_t ballot(bool mine);
float shuffle_xor(float value, int mask);
void multiply_add(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
[[noreturn]] void reach_beyond_tile();

inline void expect(bool held) {
  if (!held) reach_beyond_tile();
}

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline int count_bits(std::uint32_t bits) {
  return __builtin_popcount(bits);
}

inline float power_of_two(float x) {
  return std::exp2(x);
}

inline void sincos_of_pi(float x, float& sine, float& cosine) {
  const double angle = 3.14159265358979323846 * static_cast<double>(x);
  sine = static_cast<float>(std::sin(angle));
  cosine = static_cast<float>(std::cos(angle));
}

#endif

/// Two neighbours in shared memory, read at once.
struct alignas(8) Pair {
  float first, second;
};

/// A matrix in shared memory. Strides are chosen so that a warp's reads fall into distinct banks;
/// the kernels say which reads they have in mind.
template <int Rows, int Columns, int Stride>
struct Tile {
  static_assert(Columns <= Stride && Stride % 2 == 0);
  alignas(16) float values[Rows * Stride];

  NEUROSPLAT_DEVICE float& at(int row, int column) {
    expect(row >= 0 && row < Rows && column >= 0 && column < Columns);
    return values[row * Stride + column];
  }
  /// Columns `column` and `column` + 1; `column` is even.
  NEUROSPLAT_DEVICE Pair& pair(int row, int column) {
    expect(row >= 0 && row < Rows && column >= 0 && column + 1 < Columns && column % 2 == 0);
    return *reinterpret_cast<Pair*>(&values[row * Stride + column]);
  }
};

}  // namespace neurosplat::packet::cuda::device
