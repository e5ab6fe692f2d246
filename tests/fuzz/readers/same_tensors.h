#pragma once

#include <ATen/core/Tensor.h>

#include <cstring>

namespace neurosplat::fuzz {

/// Bit by bit: NaN is NaN.
inline bool same(const at::Tensor& one, const at::Tensor& other) {
  if (one.scalar_type() != other.scalar_type() || one.sizes() != other.sizes()) return false;
  const auto first = one.contiguous(), second = other.contiguous();
  return first.nbytes() == 0 ||
         std::memcmp(first.const_data_ptr(), second.const_data_ptr(), first.nbytes()) == 0;
}

}  // namespace neurosplat::fuzz
