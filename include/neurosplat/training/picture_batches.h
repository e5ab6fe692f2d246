#pragma once

#include <memory>
#include <optional>
#include <string>

#include "neurosplat/data/picture_loader.h"
#include "neurosplat/training/learner.h"

namespace neurosplat {

/// Batches of pictures for a learner: one tensor each, uint8 [B, 3, S, S].
class PictureBatches : public Batches {
 public:
  /// Throws Error for a source with fewer pictures than a batch: there would be none.
  PictureBatches(std::shared_ptr<const PictureSource> source, const LoaderOptions& options);

  std::int64_t count() const override { return loader_.batches(); }
  std::int64_t size() const override { return size_; }
  std::string unit() const override { return "images"; }
  std::string hash() const override { return hash_; }
  void start_epoch(std::int64_t epoch, std::int64_t first) override {
    loader_.start_epoch(epoch, first);
  }
  std::optional<Batch> next() override;
  const PictureLoader& loader() const { return loader_; }

 private:
  std::int64_t size_;
  std::string hash_;
  PictureLoader loader_;
};

}  // namespace neurosplat
