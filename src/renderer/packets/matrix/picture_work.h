#pragma once

#include <cstdint>
#include <vector>

#include "renderer/packets/matrix/matrix_kernels.h"
#include "renderer/packets/matrix/packet_plan.h"

namespace neurosplat::packet::matrix {

/// Buffers of one thread.
struct Scratch {
  AlignedFloats block, between, canvas, raw, gradient;
};

/// Numbers of a picture's packets as render() was given them.
struct GivenPackets {
  const float* numbers;  ///< [N, 5 + 2C]
  const float* anchors;  ///< [2][padded N] anchor logits of raw packets; null for activated ones
};

/// One picture on its way from packets to pixels and back: which grids its packets are drawn on,
/// and the steps, each of which may be shared out over threads. Buffers are kept for the next
/// picture. Source: docs/renderer.md.
class PictureWork {
 public:
  /// Throws UsageError that names the first number that is not finite, or a width of 0.
  void prepare(const Shape& shape, const GivenPackets& packets, double cutoff);

  std::int64_t blocks() const { return static_cast<std::int64_t>(plan_.blocks.size()); }
  /// Numbers of the fields of all grids together.
  std::int64_t field_numbers() const { return plan_.field_numbers; }

  /// fields += blocks first .. last-1.
  void draw_blocks(std::int64_t first, std::int64_t last, float* fields, Scratch& scratch) const;
  /// fields[0] += fields[1] + ... of `parts` buffers, one channel.
  void add_parts(std::int64_t channel, AlignedFloats* fields, std::int64_t parts) const;
  /// One channel of the picture, [H, W], from its fields; `squash` for the sigmoid.
  void spread_channel(std::int64_t channel, const float* fields, bool squash, float* picture,
                      Scratch& scratch) const;

  /// One channel of all fields' gradients from the picture's. `squashed`: the channel itself where
  /// it went through the sigmoid, else null.
  void gather_channel(std::int64_t channel, const float* picture_gradient, const float* squashed,
                      float* fields, Scratch& scratch) const;
  /// Gradients of the packets of blocks first .. last-1 as they were given, into [N, 5 + 2C].
  void block_gradients(std::int64_t first, std::int64_t last, const float* fields, float* gradient,
                       Scratch& scratch) const;

 private:
  BlockTask task_of(const BlockUse& block, Scratch& scratch) const;
  void check_numbers() const;
  void to_raw(const BlockUse& block, float* gradient, Scratch& scratch) const;
  void scatter_gradient(const BlockUse& block, const float* block_gradient, float* gradient) const;

  Shape shape_{};
  GivenPackets given_{};
  AlignedFloats active_numbers_;
  PacketTable active_{};
  std::vector<double> cosine_, sine_;
  PacketPlan plan_;
};

}  // namespace neurosplat::packet::matrix
