#include "systems/splat_vae/drawing_memory.h"

#include <algorithm>

namespace neurosplat::apps {
namespace {

constexpr std::int64_t kColours = 3;
/// Pictures decoded at a time, and drawn where they are small.
constexpr std::int64_t kMostPictures = 64;
constexpr std::int64_t kPixelsAtATime = std::int64_t{1} << 22U;
/// The dense renderer keeps maps of every packet at every pixel.
constexpr std::int64_t kDensePixelsAtATime = std::int64_t{1} << 20U, kDensePackets = 64;
constexpr std::uint64_t kDenseMaps = 12;
/// As many times the float32 pictures, measured: what the renderer keeps, and they are clamped and
/// rounded.
constexpr std::uint64_t kCopies = 6;

}  // namespace

std::int64_t pictures_at_a_time(std::int64_t side, bool dense) {
  const auto pixels = dense ? kDensePixelsAtATime : kPixelsAtATime;
  return std::clamp<std::int64_t>(pixels / (side * side), 1, kMostPictures);
}

std::int64_t packets_at_a_time(std::int64_t side) {
  const auto room = kDensePixelsAtATime * kDensePackets / (side * side);
  return std::clamp<std::int64_t>(room, 1, kDensePackets);
}

DrawingBytes drawing_bytes(bool dense) {
  return [dense](std::int64_t side) {
    const auto pixels = static_cast<std::uint64_t>(pictures_at_a_time(side, dense) * side * side);
    auto bytes = pixels * kColours * sizeof(float) * kCopies;
    if (dense) {
      const auto packets = static_cast<std::uint64_t>(packets_at_a_time(side));
      bytes += pixels * packets * sizeof(float) * kDenseMaps;
    }
    return bytes;
  };
}

}  // namespace neurosplat::apps
