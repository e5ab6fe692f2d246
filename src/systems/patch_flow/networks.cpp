#include "systems/patch_flow/networks.h"

#include <ATen/ATen.h>

namespace neurosplat {

at::Tensor token_rows(std::int64_t grid) {
  return at::arange(grid, at::kFloat).repeat_interleave(grid);
}

at::Tensor token_columns(std::int64_t grid) {
  return at::arange(grid, at::kFloat).repeat({grid});
}

}  // namespace neurosplat
