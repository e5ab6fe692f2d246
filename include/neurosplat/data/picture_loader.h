#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"

namespace neurosplat {

struct LoaderOptions {
  std::int64_t side = 64;   ///< pixels
  std::int64_t batch = 64;  ///< pictures
  /// Batches of `parts` times as many pictures, of which this loader gives number `part` and every
  /// parts-th after it: what one of several processes trains on. With drop_last alone.
  std::int64_t part = 0, parts = 1;
  int workers = 4;         ///< decoding threads, >= 1
  std::uint64_t seed = 0;  ///< of the order and the flips
  bool shuffle = true;
  bool drop_last = true;
  bool flip = false;  ///< mirror each picture left-right with probability 1/2
  std::int64_t memory_budget = std::int64_t{4} << 30;  ///< bytes of decoded pictures to keep
};

/// All pictures decoded at the start and kept, in their order: one that cannot be read is left out,
/// not replaced.
LoaderOptions keep_all(const PictureSource& source, std::int64_t side, int workers);

/// Feeds batches of a source, each picture once an epoch. A picture that cannot be decoded is
/// warned of once, and the next readable one of the source takes its place; more than 1 % of them
/// is an Error. Within the budget everything is decoded once, at the start, and kept as uint8;
/// beyond it, pictures are decoded for each batch, ahead of time. Order and content of the batches
/// depend on seed and epoch alone, not on the number of workers or the budget.
class PictureLoader {
 public:
  PictureLoader(std::shared_ptr<const PictureSource> source, const LoaderOptions& options);
  ~PictureLoader();

  /// Pictures in usable(), and batches an epoch.
  std::int64_t size() const;
  std::int64_t batches() const;
  /// Indices into the source of the usable pictures, in its order. Beyond the budget nothing is
  /// known of them yet: all, and pictures() replaces unreadable ones as batches do.
  const std::vector<std::int64_t>& usable() const;

  /// Starts epoch `epoch` at batch `first_batch`.
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);
  /// The next batch, uint8 [B, 3, side, side], or nothing at the end of the epoch.
  std::optional<at::Tensor> next();

  /// Usable pictures `positions` (into usable()), uint8 [K, 3, side, side], unflipped.
  at::Tensor pictures(const std::vector<std::int64_t>& positions) const;
  /// The same of positions [first, first + count).
  at::Tensor pictures(std::int64_t first, std::int64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// uint8 pictures to float32 in [0, 1] on `device`.
at::Tensor to_unit_range(const at::Tensor& pictures, const at::Device& device);

}  // namespace neurosplat
