#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/systems/spike_decoder/held_out_decoding.h"

namespace neurosplat {

/// Does a held-out decoder find anything? The statistic is the mean cosine of decoded and true
/// latents, each less the mean of the decoder's training latents. Under the hypothesis that
/// responses have nothing to do with pictures, groups of pictures (of equal size) may change
/// places, and every decoder is then fitted anew, penalties and all: an exact test, unlike
/// shuffling what was decoded, of which no more than a fold's few groups could change places.
struct RefittedPermutation {
  double statistic = 0;
  double p = 1;  ///< (1 + shuffles with a statistic as high) / (1 + shuffles)
};

/// Arguments as decode_latents(). Decoding is linear in the latents, so that a shuffle needs no
/// more than their products, [N, N] for each latent group.
RefittedPermutation refitted_permutation(const at::Tensor& responses, const at::Tensor& latents,
                                         const at::Tensor& latent_group, const HeldOut& held_out,
                                         const std::vector<double>& penalties,
                                         std::int64_t shuffles, std::uint64_t seed);

}  // namespace neurosplat
