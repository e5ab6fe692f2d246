#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Which of `count` clusters each picture is in, int64 [P], 0 to count - 1: k-means of 8 x 8 pixels
/// from far points on (k-means++, Arthur and Vassilvitskii 2007), drawn by the seed. Pictures that
/// look alike in training and test inflate what is decoded: whole clusters can be held out.
/// Pictures uint8 [P, 3, S, S]; throws UsageError for fewer pictures than clusters.
at::Tensor picture_clusters(const at::Tensor& pictures, std::int64_t count, std::uint64_t seed);

}  // namespace neurosplat
