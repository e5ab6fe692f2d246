#pragma once

#include <cstdint>

namespace neurosplat::emulation {

/// What one lane brings to mma.m16n8k8 in TF32, and takes back in `sum`.
struct FragmentLane {
  float* sum;              // [4]
  const std::uint32_t* a;  // [4]
  const std::uint32_t* b;  // [2]
};

/// The product of 32 lanes. Sums are cut off as matrix units do: every addend is cut to 24 bits
/// below the largest one, and so is the result. Real units keep a bit or two more.
/// Throws std::logic_error for an operand whose low 13 bits are not zero.
void multiply_fragments(const FragmentLane (&lanes)[32]);

}  // namespace neurosplat::emulation
