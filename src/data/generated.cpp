#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "data/file_pictures.h"
#include "data/sources.h"
#include "data/synthetic_flower.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

using Painter = void (*)(std::uint64_t seed, std::int64_t side, std::uint8_t* planes);

// A linear gradient of its own in each channel, with noise.
void paint_gradient(std::uint64_t seed, std::int64_t side, std::uint8_t* planes) {
  RandomStream random(seed);
  for (int channel = 0; channel < 3; ++channel) {
    const float start = random.between(0.2F, 0.8F), right = random.between(-0.6F, 0.6F),
                down = random.between(-0.6F, 0.6F);
    for (std::int64_t i = 0; i < side * side; ++i) {
      const float u = (static_cast<float>(i % side) + 0.5F) / static_cast<float>(side) - 0.5F;
      const float v = (static_cast<float>(i / side) + 0.5F) / static_cast<float>(side) - 0.5F;
      const float level = start + right * u + down * v + random.between(-0.05F, 0.05F);
      *planes++ = static_cast<std::uint8_t>(std::lround(255 * std::clamp(level, 0.0F, 1.0F)));
    }
  }
}

struct Generator {
  Painter paint;
  std::array<std::int64_t, 3> sizes;  // of train, val, test
};

constexpr Generator smoke = {paint_gradient, {256, 0, 64}};
constexpr Generator synthetic = {paint_flower, {2048, 256, 512}};

class Generated : public PictureSource {
 public:
  explicit Generated(PictureRequest request)
      : request_(std::move(request)),
        generator_(request_.kind == DatasetKind::smoke ? smoke : synthetic) {
    for (const auto& split : request_.splits) size_ += generator_.sizes[split_index(split)];
  }

  std::int64_t size() const override { return size_; }

  std::string name(std::int64_t index) const override {
    const auto [split, picture] = place_of(index);
    return text(name_of(request_.kind), "/", split, "/", picture);
  }

  std::string identity(std::int64_t index) const override {
    return text(name(index), " of seed ", request_.seed);
  }

  void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const override {
    const auto [split, picture] = place_of(index);
    if (side < 1) throw Error(text("expected a side of at least 1 pixel, got ", side));
    generator_.paint(
        hash_of({request_.seed, split_index(split), static_cast<std::uint64_t>(picture)}), side,
        planes);
  }

 private:
  std::pair<std::string, std::int64_t> place_of(std::int64_t index) const {
    check_index(index, size_);
    auto split = request_.splits.begin();
    for (; index >= generator_.sizes[split_index(*split)]; ++split)
      index -= generator_.sizes[split_index(*split)];
    return {*split, index};
  }

  PictureRequest request_;
  Generator generator_;
  std::int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<PictureSource> open_generated(const PictureRequest& request) {
  return std::make_unique<Generated>(request);
}

}  // namespace neurosplat
