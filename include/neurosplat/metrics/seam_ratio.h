#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// How much more neighbouring pixels differ across the borders of square tiles than inside them,
/// over many pictures: the mean absolute difference of horizontal and vertical neighbours of all
/// channels that lie in two tiles, over that of those that lie in one. 1 where tiles leave no
/// trace, above 1 with seams; some 1.04 for photographs whose structure happens to favour the
/// borders.
class SeamRatio {
 public:
  /// Tiles of `tile` pixels a side from the first row and column on; throws UsageError below 2.
  explicit SeamRatio(std::int64_t tile);

  /// Adds pictures [B, C, H, W], floating-point of any range, H and W multiples of the tile and one
  /// of them two at least. Throws Error for others.
  void add(const at::Tensor& pictures);

  /// Of all pictures so far; NaN when there are none or when no neighbours inside a tile differ.
  double ratio() const;

 private:
  std::int64_t tile_;
  double across_ = 0, inside_ = 0;  // sums of absolute differences
  std::int64_t across_count_ = 0, inside_count_ = 0;
};

/// The same of one batch.
double seam_ratio(const at::Tensor& pictures, std::int64_t tile);

/// How far pictures' own ratios are from their targets', to train with: the mean over pictures of
/// the squared difference of both logarithms. Pictures and targets [B, C, H, W] alike, as add()
/// takes them; a scalar that has a gradient in `pictures`.
at::Tensor seam_loss(const at::Tensor& pictures, const at::Tensor& target, std::int64_t tile);

}  // namespace neurosplat
