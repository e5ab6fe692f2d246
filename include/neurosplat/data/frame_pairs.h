#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "neurosplat/io/frame_source.h"

namespace neurosplat {

struct FramePairOptions {
  std::int64_t side = 128;           ///< pixels
  std::int64_t batch = 32;           ///< pairs
  std::int64_t part = 0, parts = 1;  ///< as LoaderOptions'
  std::int64_t stride = 1;           ///< frames from one of a pair to the other
  std::int64_t max_frames = 4000;
  double held_out = 0.0;   ///< share of the pairs, the last ones, that are not trained on
  std::uint64_t seed = 0;  ///< of the order
};

/// The frames of a stream in memory, and batches of pairs (a frame, the one `stride` later). The
/// order of an epoch depends on seed and epoch alone. No pair to train on shares a frame with one
/// that is held out.
class FramePairs {
 public:
  /// Reads the stream: centre squares, uint8. Throws Error when there are too few frames for one
  /// batch and one pair to hold out (where any is asked for).
  FramePairs(FrameSource& source, const FramePairOptions& options);

  std::int64_t frames() const { return frames_.size(0); }
  /// 16 hexadecimal digits that tell other frames apart, by every pixel.
  std::string hash() const;
  /// Pairs to train on, and batches of them an epoch; what is left over waits for another epoch.
  std::int64_t size() const { return training_; }
  std::int64_t batches() const { return training_ / (options_.batch * options_.parts); }

  struct Pairs {
    at::Tensor now, next;  ///< uint8 [B, 3, side, side]
  };
  /// Starts epoch `epoch` at batch `first`, both from 0.
  void start_epoch(std::int64_t epoch, std::int64_t first = 0);
  /// The next batch, nothing at the end of the epoch or before the first.
  std::optional<Pairs> next();
  /// `count` pairs spread evenly over those to train on, or over those held out; all when there
  /// are no more.
  Pairs spread(std::int64_t count, bool held_out) const;
  std::int64_t held_out() const { return pairs() - first_held_out_; }

 private:
  std::int64_t pairs() const { return frames_.size(0) - options_.stride; }
  Pairs at_places(const at::Tensor& places) const;

  FramePairOptions options_;
  at::Tensor frames_;  // uint8 [T, 3, side, side]
  std::int64_t training_ = 0, first_held_out_ = 0;
  at::Tensor order_;  // int64, of the epoch at hand
  std::int64_t next_ = 0;
};

}  // namespace neurosplat
