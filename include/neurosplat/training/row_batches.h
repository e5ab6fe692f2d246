#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/training/learner.h"

namespace neurosplat {

/// Batches of what lies in memory as rows of tensors, shuffled anew every epoch; an incomplete last
/// batch is left out. A batch has the same rows of each tensor, on their device; of several
/// processes each gets its part.
class RowBatches : public Batches {
 public:
  struct Settings {
    std::int64_t batch;
    std::int64_t seed;  ///< of the order
    std::string unit;   ///< what a row is, plural
    std::string hash;   ///< see Batches::hash()
  };

  /// Tensors of as many rows each. Throws UsageError for fewer rows than a batch.
  RowBatches(std::vector<at::Tensor> tensors, Settings settings);

  std::int64_t count() const override;
  std::int64_t size() const override { return settings_.batch; }
  std::string unit() const override { return settings_.unit; }
  std::string hash() const override { return settings_.hash; }
  void start_epoch(std::int64_t epoch, std::int64_t first) override;
  std::optional<Batch> next() override;

 private:
  std::vector<at::Tensor> tensors_;
  Settings settings_;
  std::vector<std::int64_t> order_;
  std::int64_t next_ = 0;
};

}  // namespace neurosplat
