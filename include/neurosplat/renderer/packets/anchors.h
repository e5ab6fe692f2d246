#pragma once

#include <cmath>
#include <cstdint>

#include "neurosplat/renderer/packets/packet.h"

namespace neurosplat::packet {

/// Logits of one packet's resting centre.
struct AnchorLogit {
  double x, y;
};

/// The anchor grid's side for `packets` packets: the smallest whose square holds them all.
NEUROSPLAT_HOST_DEVICE inline std::int64_t anchor_side(std::int64_t packets) {
  auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(packets)));
  while (side * side < packets) ++side;
  while (side > 1 && (side - 1) * (side - 1) >= packets) --side;
  return side;
}

/// Anchor of packet `index`: the grid .08 ... .92 in both directions, x slow and y fast, the
/// first `packets` places (docs/neuro-splat.md, "Anchors"). A single packet rests at .08, .08, as
/// the reference's linspace has it.
NEUROSPLAT_HOST_DEVICE inline AnchorLogit anchor_logit(std::int64_t index, std::int64_t packets) {
  constexpr double kFirst = 0.08, kLast = 0.92;
  const std::int64_t side = anchor_side(packets);
  const auto place = [side](std::int64_t i) {
    if (side == 1) return kFirst;
    return kFirst + (kLast - kFirst) * static_cast<double>(i) / static_cast<double>(side - 1);
  };
  const auto logit = [](double p) { return std::log(p / (1.0 - p)); };
  return {logit(place(index / side)), logit(place(index % side))};
}

}  // namespace neurosplat::packet
