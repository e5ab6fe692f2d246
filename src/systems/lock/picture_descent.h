#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace neurosplat {

/// How far the numbers of each picture are followed down.
struct PictureDescent {
  std::int64_t steps = 200;  ///< >= 0
  double rate = 0.05;        ///< of the first step; it falls to zero as a half cosine
  std::function<void()> after_step = {};
};

/// Adam on numbers that pictures are drawn from, a row a picture, so that each picture's PSNR
/// climbs; pictures do not see each other. Returns the best row that was passed of each, so never
/// one that is worse than its start. start: float [B, ...]; pictures: [B, C, H, W];
/// draw: rows to pictures, differentiable.
at::Tensor descend(const at::Tensor& start, const at::Tensor& pictures,
                   const std::function<at::Tensor(const at::Tensor& rows)>& draw,
                   const PictureDescent& descent);

}  // namespace neurosplat
