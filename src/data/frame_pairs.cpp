#include "neurosplat/data/frame_pairs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/epoch_order.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

at::Tensor read_frames(FrameSource& source, const FramePairOptions& options) {
  std::vector<at::Tensor> frames;
  const auto known = source.frame_count();
  ProgressLine progress("reading", "frames",
                        known > 0 ? std::min(known, options.max_frames) : options.max_frames);
  while (static_cast<std::int64_t>(frames.size()) < options.max_frames) {
    const auto frame = source.next();
    if (!frame) break;
    frames.push_back(centre_square(frame->picture, options.side));
    progress.update(static_cast<std::int64_t>(frames.size()));
  }
  if (frames.empty()) {
    throw Error(text("expected frames in ", source.description(), ", found none"));
  }
  return at::stack(frames);
}

}  // namespace

FramePairs::FramePairs(FrameSource& source, const FramePairOptions& options)
    : options_(options), frames_(read_frames(source, options)) {
  const auto all = std::max<std::int64_t>(pairs(), 0);
  const auto held =
      options.held_out > 0.0
          ? std::max<std::int64_t>(1, std::llround(options.held_out * static_cast<double>(all)))
          : 0;
  first_held_out_ = all - held;
  // The pairs between would show a held-out frame as the second of a pair.
  training_ = held > 0 ? first_held_out_ - options.stride : all;
  if (batches() < 1) {
    throw Error(text("expected at least ", options.batch * options.parts,
                     " pairs of frames to train on, ", frames_.size(0), " frames give ",
                     std::max<std::int64_t>(training_, 0),
                     ": give more frames, a smaller --batch, --stride or --held-out"));
  }
}

std::string FramePairs::hash() const {
  return hash_digits(hash_of_bytes(frames_.const_data_ptr<std::uint8_t>(), frames_.nbytes()));
}

FramePairs::Pairs FramePairs::at_places(const at::Tensor& places) const {
  return {frames_.index_select(0, places), frames_.index_select(0, places + options_.stride)};
}

void FramePairs::start_epoch(std::int64_t epoch, std::int64_t first) {
  const auto order = epoch_order(options_.seed, epoch, training_, /*shuffle=*/true);
  order_ = at::tensor(order, at::kLong);
  next_ = first;
}

std::optional<FramePairs::Pairs> FramePairs::next() {
  if (!order_.defined() || next_ >= batches()) return std::nullopt;
  const auto whole = options_.batch * options_.parts;
  return at_places(
      order_.narrow(0, next_++ * whole, whole).slice(0, options_.part, whole, options_.parts));
}

FramePairs::Pairs FramePairs::spread(std::int64_t count, bool held_out) const {
  const auto first = held_out ? first_held_out_ : 0;
  const auto available = held_out ? this->held_out() : training_;
  count = std::min(count, available);
  const auto steps = at::arange(count, at::kLong) * available;
  return at_places(at::floor_divide(steps, std::max<std::int64_t>(count, 1)) + first);
}

}  // namespace neurosplat
