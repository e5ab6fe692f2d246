#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Peak signal-to-noise ratio of each picture, dB, peak 1: 10 log10(1 / mean squared error).
/// a, b: float [B, C, H, W]; returns float64 [B]; equal pictures give infinity.
at::Tensor psnr_db(const at::Tensor& a, const at::Tensor& b);

/// Structural similarity of each picture (Wang et al. 2004): Gaussian window 11x11, sigma 1.5,
/// K1 .01, K2 .03, range 1, each channel on its own, averaged over the positions where the window
/// lies inside the picture. a, b: float [B, C, H, W], H and W >= 11; returns float64 [B].
at::Tensor ssim(const at::Tensor& a, const at::Tensor& b);

}  // namespace neurosplat
