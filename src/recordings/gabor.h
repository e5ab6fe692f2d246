#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace neurosplat {

/// Where and what a Gabor is, in shares of the picture: cycles a picture, radians, centre,
/// deviation.
struct GaborPlace {
  double frequency, orientation, x, y, size;
};

/// The filter over side x side pixels, float32 [side * side], its mean over the envelope taken out.
at::Tensor gabor_filter(const GaborPlace& place, double phase, std::int64_t side);

/// What filters see: grey, side x side, mean 0, deviation 1 (less where there is next to no
/// contrast), of pictures uint8 [F, 3, H, W]: float32 [F, side * side]. Throws Error for others.
at::Tensor contrast_of(const at::Tensor& pictures, std::int64_t side);

}  // namespace neurosplat
