#include "data/synthetic_flower.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "neurosplat/core/random_stream.h"

namespace neurosplat {
namespace {

constexpr float turn = 2 * std::numbers::pi_v<float>;

using Colour = std::array<float, 3>;

// Hue in turns, saturation, value.
Colour from_hsv(float hue, float saturation, float value) {
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + 6 * hue, 6.0F);
    return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0F, 1.0F));
  };
  return {channel(5), channel(3), channel(1)};
}

Colour blend(const Colour& from, const Colour& to, float share) {
  Colour mixed_colour{};
  for (std::size_t c = 0; c < 3; ++c) mixed_colour[c] = from[c] + (to[c] - from[c]) * share;
  return mixed_colour;
}

// 1 inside, 0 outside, over an edge of the given width.
float inside(float distance_to_edge, float width) {
  return std::clamp(0.5F + distance_to_edge / width, 0.0F, 1.0F);
}

struct Flower {
  explicit Flower(std::uint64_t seed) {
    RandomStream random(seed);
    for (auto& corner : corners)
      corner = from_hsv(random.between(0.18F, 0.45F), random.between(0.2F, 0.8F),
                        random.between(0.05F, 0.5F));
    x = random.between(0.35F, 0.65F), y = random.between(0.35F, 0.65F);
    radius = random.between(0.22F, 0.48F), heart = radius * random.between(0.12F, 0.4F);
    petals = static_cast<float>(4 + random.below(10));
    phase = random.between(0, turn), cut = random.between(0.25F, 0.75F);
    const float hue = std::fmod(random.between(0.62F, 1.2F), 1.0F);
    const float saturation = random.between(0.1F, 0.95F), value = random.between(0.65F, 1.0F);
    tip = from_hsv(hue, saturation, value);
    base = from_hsv(hue, std::min(1.0F, saturation + 0.2F), 0.6F * value);
    middle = from_hsv(random.between(0.05F, 0.18F), random.between(0.5F, 1.0F),
                      random.between(0.25F, 0.95F));
  }

  Colour at(float u, float v, float pixel) const {
    auto colour = blend(blend(corners[0], corners[1], u), blend(corners[2], corners[3], u), v);
    const float distance = std::hypot(u - x, v - y), angle = std::atan2(v - y, u - x);
    for (const float shift : {0.5F, 0.0F}) {  // the ring behind, then the one in front
      const float across = std::abs(std::cos(petals * (angle + phase) / 2 + shift * turn / 2));
      const float reach = radius * (1 - 0.15F * shift) * (1 - cut + cut * std::sqrt(across));
      const float shade = (1 - 0.4F * shift) * (0.75F + 0.25F * across);
      auto petal = blend(base, tip, std::min(1.0F, distance / radius));
      for (auto& channel : petal) channel *= shade;
      colour = blend(colour, petal, inside(reach - distance, 2 * pixel));
    }
    return blend(colour, middle, inside(heart - distance, 3 * pixel));
  }

  std::array<Colour, 4> corners;
  Colour tip, base, middle;
  float x, y, radius, heart, petals, phase, cut;
};

}  // namespace

void paint_flower(std::uint64_t seed, std::int64_t side, std::uint8_t* planes) {
  const Flower flower(seed);
  const float pixel = 1 / static_cast<float>(side);
  for (std::int64_t i = 0; i < side * side; ++i) {
    const auto colour = flower.at((static_cast<float>(i % side) + 0.5F) * pixel,
                                  (static_cast<float>(i / side) + 0.5F) * pixel, pixel);
    for (std::int64_t c = 0; c < 3; ++c)
      planes[c * side * side + i] = static_cast<std::uint8_t>(
          std::lround(255 * std::clamp(colour[static_cast<std::size_t>(c)], 0.0F, 1.0F)));
  }
}

}  // namespace neurosplat
