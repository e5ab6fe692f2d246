#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// The largest PSNR there is, dB, a mean squared error of 1e-10: equal pictures have it, so that
/// one of them does not make a mean infinite. Rounding to 8 bits alone leaves 58.9 dB and float32
/// some 150, so pictures that reach it are the same but for arithmetic.
inline constexpr double kLargestPsnrDb = 100.0;

/// Peak signal-to-noise ratio, dB, peak 1: 10 log10(1 / mean squared error), at most
/// kLargestPsnrDb. NaN for NaN. Every PSNR of the project is one of these four.
double psnr_db_of_error(double mean_squared_error);

/// The same of each picture. a, b: float [B, C, H, W]; returns float64 [B].
at::Tensor psnr_db(const at::Tensor& a, const at::Tensor& b);

/// The same over all numbers of two maps or pictures, floating point, of any one shape; with
/// `weights` of that shape, >= 0, each weighs as they say. Throws Error for two shapes.
double map_psnr_db(const at::Tensor& a, const at::Tensor& b);
double map_psnr_db(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weights);

/// Structural similarity of each picture (Wang et al. 2004): Gaussian window 11x11, sigma 1.5,
/// K1 .01, K2 .03, range 1, each channel on its own, averaged over the positions where the window
/// lies inside the picture. a, b: float [B, C, H, W], H and W >= 11; returns float64 [B].
at::Tensor ssim(const at::Tensor& a, const at::Tensor& b);

}  // namespace neurosplat
