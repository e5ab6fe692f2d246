#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"

namespace neurosplat {

/// What the blocks with maps of at most `side` pixels a side keep of pictures, means over these;
/// the blocks after them have their prior's means.
struct LevelScore {
  std::int64_t side = 0, blocks = 0;
  std::int64_t numbers = 0;  ///< of all these blocks' latents
  double psnr_db = 0, ssim = 0;
  /// Of the blocks of this side alone: KL, nats a picture; latent numbers, and how many of them
  /// have a posterior mean that varies by more than .01 among pictures (Burda and others 2016).
  double kl_nats = 0;
  std::int64_t units = 0, active_units = 0;
  at::Tensor drawn;  ///< the first pictures, [<= shown, 3, S, S] on the CPU
};

struct HierarchicalScores {
  double bits_per_dimension = 0;
  std::vector<double> block_kl_nats;  ///< a picture
  std::vector<LevelScore> levels;     ///< coarse to fine
};

/// Of pictures float32 [N, 3, S, S] in [0, 1], N at least 2, some at a time on the model's device.
HierarchicalScores score_hierarchy(const HierarchicalVae& model, const at::Tensor& pictures,
                                   std::int64_t shown, const at::Generator& generator);

}  // namespace neurosplat
