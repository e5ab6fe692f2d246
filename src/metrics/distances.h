#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Squared distances of every row of one to every row of the other, double [N, M] of [N, D] and
/// [M, D]: a product, so that differences of 1e-15 of the squared length are rounding.
at::Tensor squared_distances(const at::Tensor& one, const at::Tensor& other);

}  // namespace neurosplat
