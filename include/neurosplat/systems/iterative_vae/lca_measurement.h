#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/systems/iterative_vae/lca.h"

namespace neurosplat {

/// How much is spent on a dictionary that LCA is measured with.
struct LcaMeasurement {
  std::int64_t epochs = 30, patches = 10000, columns = 512;

  /// The published schedule where there are epochs enough for it, else lambda rises sooner; the
  /// nine time constants of a code in coarser steps and batches of a tenth, so that a processor
  /// comes to as many updates in a tenth of the time.
  LcaDictionarySettings learning(std::int64_t patches_there) const;
};

struct LcaScores {
  double r2 = 0, zeros = 0;
};

/// Codes of patches float [N, M], `block` at a time, all with contrast, and what they explain.
LcaScores measure_lca(const at::Tensor& dictionary, const at::Tensor& patches,
                      const LcaSettings& settings, std::int64_t block);

}  // namespace neurosplat
