#pragma once

#include "neurosplat/renderer/packets/anchors.h"
#include "renderer/packets/cuda/axis.cuh"
#include "renderer/packets/cuda/moments.cuh"

/// The kernels with one thread a packet; all formulas are renderer/packets/packet.h's.
namespace neurosplat::packet::cuda {

struct PacketKernel {
  static constexpr int kThreads = 64;
  struct Shared {};
  static std::int64_t blocks(const Shape& shape) {
    return (shape.batch * shape.packets + kThreads - 1) / kThreads;
  }
  /// Index of this thread's packet among all pictures'.
  static NEUROSPLAT_DEVICE std::int64_t own() {
    return device::block() * kThreads + device::thread();
  }
};

/// Anchor logits, rounded as the CPU's are.
struct Anchor {
  float x, y;
};

NEUROSPLAT_DEVICE Anchor anchor_of(const Shape& shape, std::int64_t packet) {
  const auto logit = packet::anchor_logit(packet % shape.packets, shape.packets);
  return {static_cast<float>(logit.x), static_cast<float>(logit.y)};
}

struct Activate : PacketKernel {
  struct Arguments {
    Shape shape;
    const float* raw;
    float* active;
  };
  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const Shape& shape = given.shape;
    const std::int64_t i = own();
    if (i >= shape.batch * shape.packets) return;
    const std::int64_t at = i * packet::numbers(shape.channels);
    const Anchor anchor = anchor_of(shape, i);
    packet::activate(given.raw + at, anchor.x, anchor.y, shape.channels, given.active + at);
  }
};

struct ActivateBackward : PacketKernel {
  struct Arguments {
    Shape shape;
    const float *raw, *active_gradient;
    float* raw_gradient;
  };
  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const Shape& shape = given.shape;
    const std::int64_t i = own();
    if (i >= shape.batch * shape.packets) return;
    const std::int64_t at = i * packet::numbers(shape.channels);
    const Anchor anchor = anchor_of(shape, i);
    packet::activate_backward(given.raw + at, anchor.x, anchor.y, shape.channels,
                              given.active_gradient + at, given.raw_gradient + at);
  }
};

/// Place of packet `i` in [B, kPreparedNumbers, N].
NEUROSPLAT_DEVICE std::int64_t prepared_at(const Shape& shape, std::int64_t i) {
  return i / shape.packets * kPreparedNumbers * shape.packets + i % shape.packets;
}

struct Prepare : PacketKernel {
  struct Arguments {
    Shape shape;
    const float* active;
    float* prepared;
  };
  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const Shape& shape = given.shape;
    const std::int64_t i = own();
    if (i >= shape.batch * shape.packets) return;
    prepare_packet(given.active + i * packet::numbers(shape.channels), shape,
                   given.prepared + prepared_at(shape, i), shape.packets);
  }
};

/// Sums of moments of every split and channel group, as Moments leaves them.
struct MomentParts {
  int splits, group;  // `group` channels a group
  const float* sums;  // [splits * C / group, B, 10 + 2 * group, N]
};

/// Adds up value `value` of packet `i` over parts first, first + step, ... in their order.
NEUROSPLAT_DEVICE float sum_parts(const MomentParts& parts, const Shape& shape, std::int64_t i,
                                  int value, int first, int step) {
  const int values = kMomentCoefficients + 2 * parts.group;
  const int count = parts.splits * (shape.channels / parts.group);
  const std::int64_t place =
      (i / shape.packets * values + value) * shape.packets + i % shape.packets;
  float sum = 0.0f;
  for (int part = first; part < count; part += step) {
    sum += parts.sums[part * shape.batch * values * shape.packets + place];
  }
  return sum;
}

NEUROSPLAT_DEVICE packet::AxisMoments<float> moments_of(const MomentParts& parts,
                                                        const Shape& shape, std::int64_t i,
                                                        int first) {
  float sums[5];
  NEUROSPLAT_UNROLL
  for (int k = 0; k < 5; ++k) sums[k] = sum_parts(parts, shape, i, first + k, 0, 1);
  return {sums[0], sums[1], sums[2], sums[3], sums[4]};
}

/// Gradient of packet `i` with respect to its activated numbers, to gradient[5 + 2C].
NEUROSPLAT_DEVICE void gather_gradient(const MomentParts& parts, const Shape& shape, std::int64_t i,
                                       const float* active, float* gradient) {
  packet::geometry_gradient(active, moments_of(parts, shape, i, kMomentsX),
                            moments_of(parts, shape, i, kMomentsY), gradient);
  const int groups = shape.channels / parts.group;
  for (int k = 0; k < 2 * shape.channels; ++k) {
    gradient[packet::kCoefficients + k] =
        sum_parts(parts, shape, i, kMomentCoefficients + k % (2 * parts.group),
                  k / (2 * parts.group), groups);
  }
}

struct GatherGradient : PacketKernel {
  struct Arguments {
    Shape shape;
    MomentParts parts;
    const float* active;
    float* gradient;
  };
  static NEUROSPLAT_DEVICE void run(const Arguments& given, Shared&) {
    const std::int64_t i = own();
    if (i >= given.shape.batch * given.shape.packets) return;
    const std::int64_t at = i * packet::numbers(given.shape.channels);
    gather_gradient(given.parts, given.shape, i, given.active + at, given.gradient + at);
  }
};

}  // namespace neurosplat::packet::cuda
