#include "matrix_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

namespace neurosplat::emulation {
namespace {

double operand(std::uint32_t bits) {
  if ((bits & 0x1fffU) != 0) throw std::logic_error("a matrix operand is not in TF32");
  return static_cast<double>(std::bit_cast<float>(bits));
}

/// 2^(exponent of value), 0 for 0.
double power_below(double value) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & 0x7ff0000000000000ULL);
}

/// Towards zero to a multiple of `quantum`, at most 2^30 of them.
double cut(double value, double quantum) {
  return static_cast<double>(static_cast<std::int32_t>(value / quantum)) * quantum;
}

float truncated_sum(const double (&addends)[9]) {
  double largest = 0.0, plain = 0.0;
  for (const double addend : addends) {
    largest = std::max(largest, power_below(addend));
    plain += addend;
  }
  if (!std::isfinite(plain) || largest == 0.0) return static_cast<float>(plain);
  const double quantum = largest * 0x1p-23;
  double sum = 0.0;
  for (const double addend : addends) sum += cut(addend, quantum);
  const double kept = power_below(sum) * 0x1p-23;
  return static_cast<float>(kept == 0.0 ? sum : cut(sum, kept));
}

}  // namespace

void multiply_fragments(const FragmentLane (&lanes)[32]) {
  double a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) a[g + 8 * (i % 2)][t + 4 * (i / 2)] = operand(lanes[lane].a[i]);
    for (int i = 0; i < 2; ++i) b[t + 4 * i][g] = operand(lanes[lane].b[i]);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = g + 8 * (i / 2), column = 2 * t + i % 2;
      double addends[9];
      for (int k = 0; k < 8; ++k) addends[k] = a[row][k] * b[k][column];
      addends[8] = static_cast<double>(lanes[lane].sum[i]);
      lanes[lane].sum[i] = truncated_sum(addends);
    }
  }
}

}  // namespace neurosplat::emulation
