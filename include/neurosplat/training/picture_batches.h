#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/picture_loader.h"
#include "neurosplat/data/picture_source.h"
#include "neurosplat/training/image_options.h"
#include "neurosplat/training/learner.h"

namespace neurosplat {

/// What open_pictures() takes for these splits of a run's data; `seed` is the run's.
PictureRequest pictures_of(const ImageOptions& options, const std::vector<std::string>& splits,
                           std::int64_t seed);

/// How a run reads its pictures; the caller sets the side, the batch and the flips.
LoaderOptions loader_options(const ImageOptions& options, std::int64_t seed);

/// What a run measures itself on: at most `count` pictures of `split` (0: all), chosen by the seed
/// of `loader`, uint8 [K, 3, S, S], unflipped. Undefined, and a line that says why, where the split
/// is trained on or has no pictures.
at::Tensor held_out_pictures(const ImageOptions& options, const std::string& split,
                             std::int64_t count, LoaderOptions loader);

/// Batches of pictures for a learner, this process's part of each: one tensor, uint8 [B, 3, S, S].
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
