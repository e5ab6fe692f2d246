#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Patches float [N, side * side] on a sheet [3, ., .], `columns` a row, enlarged: digits from 0 to
/// 1, whitened ones from -3 to 3 standard deviations.
at::Tensor patch_sheet(const at::Tensor& patches, std::int64_t side, std::int64_t columns,
                       bool unit_range);

/// Columns of a dictionary [side * side, K] as tiles, the largest `order` [K] first, each scaled by
/// its own largest magnitude, grey for zero.
at::Tensor dictionary_sheet(const at::Tensor& dictionary, const at::Tensor& order,
                            std::int64_t side);

}  // namespace neurosplat
