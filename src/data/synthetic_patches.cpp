#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "data/patch_sources.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/whitening.h"

namespace neurosplat {
namespace {

constexpr std::int64_t most_patches = 20000;
constexpr std::int64_t fewest_pictures = 10;
constexpr std::int64_t tiles_across = 8;  // of one picture, and as many down

double uniform(RandomStream& random) {
  return (static_cast<double>(random.next() >> 11U) + 0.5) * 0x1p-53;
}

/// A rectangle of one brightness, turned: wide ones show edges, narrow ones are bars.
struct Rectangle {
  Rectangle(RandomStream& random, double side) {
    x = uniform(random) * side, y = uniform(random) * side;
    const double angle = uniform(random) * std::numbers::pi;
    cosine = std::cos(angle), sine = std::sin(angle);
    const bool bar = random.below(2) == 0;
    half_width = bar ? 1 + 3 * uniform(random) : (0.05 + 0.2 * uniform(random)) * side;
    half_length = (0.1 + 0.4 * uniform(random)) * side;
    brightness = 4 * uniform(random) - 2;
  }

  // 1 inside, 0 outside, over an edge of one pixel.
  double cover(double column, double row) const {
    const double along = std::abs((column - x) * cosine + (row - y) * sine);
    const double across = std::abs((row - y) * cosine - (column - x) * sine);
    return std::clamp(half_length - along + 0.5, 0.0, 1.0) *
           std::clamp(half_width - across + 0.5, 0.0, 1.0);
  }

  double x, y, cosine, sine, half_width, half_length, brightness;
};

// Noise whose amplitude falls as 1/f, as that of natural pictures does, of deviation 1.
at::Tensor pink_noise(RandomStream& random, std::int64_t side) {
  auto white = at::empty({side, side}, at::kDouble);
  auto* pixels = white.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < side * side; ++i) {
    const double radius = std::sqrt(-2 * std::log(uniform(random)));
    pixels[i] = radius * std::cos(2 * std::numbers::pi * uniform(random));
  }
  const auto options = at::TensorOptions(at::kDouble);
  const auto frequency = (at::fft_fftfreq(side, 1.0, options).square().unsqueeze(1) +
                          at::fft_rfftfreq(side, 1.0, options).square())
                             .sqrt()
                             .clamp_min(1.0 / static_cast<double>(side));
  const auto pink = at::fft_irfft2(at::fft_rfft2(white) / frequency, at::IntArrayRef{side, side});
  return (pink - pink.mean()) / pink.std();
}

at::Tensor scene(std::uint64_t seed, std::int64_t side) {
  RandomStream random(seed);
  auto picture = pink_noise(random, side).contiguous();
  auto* pixels = picture.mutable_data_ptr<double>();
  constexpr int rectangles = 12;
  for (int i = 0; i < rectangles; ++i) {
    const Rectangle rectangle(random, static_cast<double>(side));
    for (std::int64_t row = 0; row < side; ++row)
      for (std::int64_t column = 0; column < side; ++column) {
        auto& pixel = pixels[row * side + column];
        const double cover = rectangle.cover(static_cast<double>(column), static_cast<double>(row));
        // What lies behind shows through a little, so that no place is flat.
        pixel += 0.8 * cover * (rectangle.brightness - pixel);
      }
  }
  return picture;
}

}  // namespace

PatchSet open_synthetic_patches(const PatchRequest& request) {
  const auto options = whitening_of(request);
  const auto wanted = std::min(request.patches, most_patches);
  const auto per_picture = tiles_across * tiles_across;
  const auto count = std::max(fewest_pictures, (wanted + per_picture - 1) / per_picture);
  const auto side = tiles_across * request.side + 2 * options.border;
  PictureGroup group{"generated", std::vector<TiledPicture>(static_cast<std::size_t>(count))};
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t end) {
    const at::NoGradGuard no_gradients;
    for (auto i = first; i < end; ++i) {
      const auto seed = hash_of({request.seed, static_cast<std::uint64_t>(i)});
      const auto white = whitened(scene(seed, side), options);
      group.pictures[static_cast<std::size_t>(i)] = {text(i), seed, tiles_of(white, request.side),
                                                     0};
    }
  });
  auto limited = request;
  limited.patches = wanted;
  auto set = split_and_standardised(limited, {group});
  if (wanted < request.patches && request.patches != PatchRequest::usual_patches)
    set.description +=
        text(", at most that many are generated of the ", grouped(request.patches), " asked for");
  return set;
}

}  // namespace neurosplat
