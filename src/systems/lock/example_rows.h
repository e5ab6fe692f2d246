#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/metrics/picture_quality.h"

/// Parts of a sheet whose rows are ways of drawing and whose columns are pictures.
namespace neurosplat {

/// Large enough for its label.
inline at::Tensor enlarged(const at::Tensor& picture) {
  constexpr std::int64_t kSide = 128;
  const auto factor = std::max<std::int64_t>(1, kSide / picture.size(2));
  return picture.repeat_interleave(factor, 1).repeat_interleave(factor, 2);
}

/// Words on a ground of their own, left of a row of pictures.
inline at::Tensor row_title(const std::string& words, std::int64_t height,
                            std::int64_t width = 160) {
  return with_label(at::zeros({3, height, width}, at::kFloat), words);
}

/// A picture under its PSNR against another.
inline at::Tensor labelled(const at::Tensor& picture, const at::Tensor& frame) {
  const double db = map_psnr_db(picture, frame);
  return with_label(enlarged(picture), fixed(db, 1) + " dB");
}

}  // namespace neurosplat
