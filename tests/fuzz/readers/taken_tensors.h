#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>

namespace neurosplat::fuzz {

/// Touches every element, so that a view which leaves its storage is seen.
inline void take(const std::map<std::string, at::Tensor>& tensors) {
  constexpr std::int64_t most = 1 << 16;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.numel() <= most) tensor.contiguous().clone();
  }
}

}  // namespace neurosplat::fuzz
