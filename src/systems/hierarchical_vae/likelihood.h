#pragma once

#include <ATen/core/Tensor.h>

namespace neurosplat {

/// A Gaussian of independent numbers.
struct DiagonalNormal {
  at::Tensor mean, log_deviation;
};

/// KL divergence of `from` from `to`, nats, for each number.
at::Tensor kl_divergence(const DiagonalNormal& from, const DiagonalNormal& to);

/// -log p of each 8-bit value, nats: `values` in [0, 1], 255ths, under a logistic distribution
/// whose mean and scale are in units where 0 is -1 and 255 is 1, cut at half way between values;
/// the outermost values take the tails (PixelCNN++, Salimans and others 2017).
at::Tensor discretised_logistic_nats(const at::Tensor& values, const at::Tensor& mean,
                                     const at::Tensor& log_scale);

}  // namespace neurosplat
