#include "systems/patch_flow/networks.h"

#include <ATen/ATen.h>

#include <cmath>

namespace neurosplat {

at::Tensor time_features(const at::Tensor& times, std::int64_t count) {
  const auto exponents = at::arange(count, times.options().dtype(at::kFloat)) *
                         (-std::log(1e4) / static_cast<double>(count - 1));
  const auto angles = at::outer(times.to(at::kFloat), exponents.exp());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

at::Tensor token_rows(std::int64_t grid) {
  return at::arange(grid, at::kFloat).repeat_interleave(grid);
}

at::Tensor token_columns(std::int64_t grid) {
  return at::arange(grid, at::kFloat).repeat({grid});
}

}  // namespace neurosplat
