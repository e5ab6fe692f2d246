#include "neurosplat/data/stimuli.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::int64_t longest_side = 4096;

void check_side(std::int64_t side) {
  if (side < 1 || side > longest_side)
    throw UsageError(text("expected a side of 1 to ", longest_side, " pixels, got ", side));
}

void check_finite(const char* what, double number) {
  if (!std::isfinite(number)) throw UsageError(text("expected ", what, " finite, got ", number));
}

// The frames' side of patches, float32 [B, side * side].
std::int64_t side_of(const at::Tensor& patches) {
  const auto pixels = patches.dim() == 2 ? patches.size(1) : 0;
  const auto side = std::llround(std::sqrt(static_cast<double>(pixels)));
  if (patches.scalar_type() != at::kFloat || pixels < 1 || side * side != pixels ||
      patches.size(0) < 1)
    throw UsageError(text("expected patches, float32 [B, side * side], got ", patches.toString(),
                          " ", patches.sizes()));
  check_side(side);
  if (!at::isfinite(patches).all().item<bool>())
    throw UsageError("expected patches of finite numbers, some are not");
  return side;
}

double radians(double degrees) {
  return degrees * std::numbers::pi / 180;
}

// Pixels from the middle of a row or column, float64 [side].
at::Tensor axis(std::int64_t side) {
  return at::arange(side, at::kDouble) - static_cast<double>(side - 1) / 2;
}

at::Tensor in_radians(const std::vector<double>& degrees) {
  if (degrees.empty()) throw UsageError("expected an angle at least, got none");
  for (const double angle : degrees) check_finite("angles", angle);
  return at::tensor(degrees, at::kDouble).mul_(std::numbers::pi / 180).view({-1, 1, 1});
}

/// A picture, zeros around it, between its pixels.
struct Plane {
  const float* pixels;
  std::int64_t height, width;

  double at(std::int64_t row, std::int64_t column) const {
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? static_cast<double>(pixels[row * width + column]) : 0.0;
  }

  double between(double row, double column) const {
    const double top = std::floor(row), left = std::floor(column);
    const double down = row - top, right = column - left;
    const auto r = static_cast<std::int64_t>(top), c = static_cast<std::int64_t>(left);
    return (1 - down) * ((1 - right) * at(r, c) + right * at(r, c + 1)) +
           down * ((1 - right) * at(r + 1, c) + right * at(r + 1, c + 1));
  }
};

class Stationary : public FrameFeeder {
 public:
  explicit Stationary(const at::Tensor& patches) : patches_(patches.detach().cpu().clone()) {}
  at::Tensor next() override { return patches_.clone(); }

 private:
  at::Tensor patches_;
};

/// Where the windows of a batch are.
class Walks {
 public:
  Walks(std::int64_t batch, Walk walk, double farthest_y, double farthest_x, std::uint64_t seed)
      : walk_(walk),
        farthest_(at::tensor({farthest_y, farthest_x}, at::kDouble).unsqueeze(1)),
        random_(at::detail::createCPUGenerator(seed)),
        place_(at::zeros({2, batch}, at::kDouble)) {
    if (!(walk.diffusion >= 0) || !std::isfinite(walk.diffusion) || !(walk.spring >= 0) ||
        !(walk.spring < 2))
      throw UsageError(
          text("expected a diffusion of 0 or more and a spring from 0 to below 2, got ",
               walk.diffusion, " and ", walk.spring));
  }

  /// One step; y and x of each, float64 [2, B].
  const at::Tensor& step() {
    const auto noise = at::randn(place_.sizes(), random_, at::kDouble);
    const auto free = place_ * (1 - walk_.spring) + noise * std::sqrt(walk_.diffusion);
    place_ = at::minimum(at::maximum(free, -farthest_), farthest_).contiguous();
    return place_;
  }

 private:
  Walk walk_;
  at::Tensor farthest_;
  at::Generator random_;
  at::Tensor place_;
};

class JitterCrop : public FrameFeeder {
 public:
  JitterCrop(const at::Tensor& pictures, std::int64_t side, std::uint64_t seed, Walk walk)
      : pictures_(pictures.detach().cpu().contiguous().clone()),
        side_(side),
        spare_y_((pictures.size(1) - side) / 2),
        spare_x_((pictures.size(2) - side) / 2),
        walks_(pictures.size(0), walk, static_cast<double>(spare_y_), static_cast<double>(spare_x_),
               seed) {}

  at::Tensor next() override {
    const auto& places = walks_.step();
    const auto at_place = places.accessor<double, 2>();
    auto frame = at::empty({pictures_.size(0), side_ * side_}, at::TensorOptions(at::kFloat));
    const auto height = pictures_.size(1), width = pictures_.size(2);
    auto* to = frame.mutable_data_ptr<float>();
    for (std::int64_t b = 0; b < pictures_.size(0); ++b) {
      const auto top = spare_y_ + std::llround(at_place[0][b]);
      const auto left = spare_x_ + std::llround(at_place[1][b]);
      for (std::int64_t row = 0; row < side_; ++row, to += side_)
        std::copy_n(pictures_.const_data_ptr<float>() + (b * height + top + row) * width + left,
                    side_, to);
    }
    return frame;
  }

 private:
  at::Tensor pictures_;
  std::int64_t side_, spare_y_, spare_x_;
  Walks walks_;
};

class JitterPad : public FrameFeeder {
 public:
  JitterPad(const at::Tensor& patches, std::int64_t margin, std::uint64_t seed, Walk walk)
      : patches_(patches.detach().cpu().contiguous().clone()),
        side_(side_of(patches)),
        walks_(patches.size(0), walk, static_cast<double>(margin), static_cast<double>(margin),
               seed) {}

  at::Tensor next() override {
    const auto& places = walks_.step();
    const auto at_place = places.accessor<double, 2>();
    auto frame = at::empty_like(patches_);
    auto* pixel = frame.mutable_data_ptr<float>();
    for (std::int64_t b = 0; b < patches_.size(0); ++b) {
      const Plane plane{patches_.const_data_ptr<float>() + b * side_ * side_, side_, side_};
      for (std::int64_t row = 0; row < side_; ++row)
        for (std::int64_t column = 0; column < side_; ++column)
          *pixel++ =
              static_cast<float>(plane.between(static_cast<double>(row) + at_place[0][b],
                                               static_cast<double>(column) + at_place[1][b]));
    }
    return frame;
  }

 private:
  at::Tensor patches_;
  std::int64_t side_;
  Walks walks_;
};

class Rotating : public FrameFeeder {
 public:
  Rotating(const at::Tensor& patches, double step, std::uint64_t seed, std::optional<double> first)
      : patches_(patches.detach().cpu().contiguous().clone()),
        sorted_(std::get<0>(patches_.sort(/*dim=*/1)).contiguous()),
        side_(side_of(patches)),
        step_(step) {
    const auto generator = at::detail::createCPUGenerator(seed);
    first_ = first ? at::full({patches.size(0)}, *first, at::kDouble)
                   : at::rand({patches.size(0)}, generator, at::kDouble).mul_(360);
  }

  at::Tensor next() override {
    auto frame = at::empty_like(patches_);
    const auto pixels = side_ * side_;
    for (std::int64_t b = 0; b < patches_.size(0); ++b) {
      const double first = first_.const_data_ptr<double>()[b];
      turn(b, radians(std::fmod(first + step_ * static_cast<double>(shown_), 360.0)));
      match(sorted_.const_data_ptr<float>() + b * pixels,
            frame.mutable_data_ptr<float>() + b * pixels);
    }
    ++shown_;
    return frame;
  }

 private:
  // Fills turned_. A pixel comes from where turning back takes it; y runs down.
  void turn(std::int64_t patch, double angle) {
    const Plane plane{patches_.const_data_ptr<float>() + patch * side_ * side_, side_, side_};
    const double cosine = std::cos(angle), sine = std::sin(angle);
    const double middle = static_cast<double>(side_ - 1) / 2;
    turned_.clear();
    for (std::int64_t row = 0; row < side_; ++row)
      for (std::int64_t column = 0; column < side_; ++column) {
        const double x = static_cast<double>(column) - middle;
        const double y = static_cast<double>(row) - middle;
        turned_.push_back(static_cast<float>(
            plane.between(middle + sine * x + cosine * y, middle + cosine * x - sine * y)));
      }
  }

  // The values of the patch, in order, to the turned pixels by their ranks.
  void match(const float* sorted, float* frame) {
    order_.resize(turned_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(turned_[a], a) < std::pair(turned_[b], b);
    });
    for (std::size_t first = 0, end = 0; first < order_.size(); first = end) {
      double sum = 0;
      for (; end < order_.size() && turned_[order_[end]] == turned_[order_[first]]; ++end)
        sum += static_cast<double>(sorted[end]);
      const auto mean = static_cast<float>(sum / static_cast<double>(end - first));
      for (auto rank = first; rank < end; ++rank) frame[order_[rank]] = mean;
    }
  }

  at::Tensor patches_, sorted_, first_;
  std::int64_t side_, shown_ = 0;
  double step_;
  std::vector<float> turned_;
  std::vector<std::size_t> order_;
};

class DriftingGrating : public FrameFeeder {
 public:
  DriftingGrating(const Grating& grating, std::int64_t side) : grating_(grating) {
    check_side(side);
    check_finite("a spatial frequency", grating.spatial_frequency);
    check_finite("a temporal frequency", grating.temporal_frequency);
    check_finite("a contrast", grating.contrast);
    const auto angles = in_radians(grating.orientations);
    const auto along = axis(side) * angles.cos() + axis(side).unsqueeze(1) * angles.sin();
    phases_ = (along * grating.spatial_frequency).flatten(1);
  }

  at::Tensor next() override {
    const double time = grating_.temporal_frequency * static_cast<double>(shown_++);
    return ((phases_ - time) * (2 * std::numbers::pi))
        .sin_()
        .mul_(grating_.contrast)
        .to(at::kFloat);
  }

 private:
  Grating grating_;
  at::Tensor phases_;  // float64 [B, side * side], in cycles
  std::int64_t shown_ = 0;
};

class WhiteNoise : public FrameFeeder {
 public:
  WhiteNoise(std::int64_t batch, std::int64_t side, std::uint64_t seed)
      : batch_(batch), side_(side), random_(at::detail::createCPUGenerator(seed)) {
    check_side(side);
    if (batch < 1) throw UsageError(text("expected a batch of at least 1, got ", batch));
  }
  at::Tensor next() override { return at::randn({batch_, side_ * side_}, random_, at::kFloat); }

 private:
  std::int64_t batch_, side_;
  at::Generator random_;
};

class Bars : public FrameFeeder {
 public:
  Bars(const MovingBars& bars, std::int64_t side) : bars_(bars) {
    check_side(side);
    if (!(bars.width_share > 0 && bars.width_share <= 1))
      throw UsageError(
          text("expected bars of a share above 0 to 1 of the side, got ", bars.width_share));
    if (bars.blank_frames < 0 || bars.moving_frames < 2)
      throw UsageError(text("expected 0 or more blank frames and 2 or more moving ones, got ",
                            bars.blank_frames, " and ", bars.moving_frames));
    const auto angles = in_radians(bars.angles);
    across_ = (axis(side).unsqueeze(1) * angles.cos() - axis(side) * angles.sin()).flatten(1);
    width_ = bars.width_share * static_cast<double>(side);
    farthest_ = static_cast<double>(side) / 2 + 1.5 * width_;
  }

  at::Tensor next() override {
    const auto moved = shown_++ - bars_.blank_frames;
    if (moved < 0 || moved >= bars_.moving_frames)
      return at::zeros(across_.sizes(), at::TensorOptions(at::kFloat));
    const double share = static_cast<double>(moved) / static_cast<double>(bars_.moving_frames - 1);
    const double middle = farthest_ * (2 * share - 1);
    return (across_ - middle).abs_().le(width_ / 2).to(at::kFloat);
  }

 private:
  MovingBars bars_;
  at::Tensor across_;  // float64 [B, side * side]: pixels from the line through the middle
  double width_ = 0, farthest_ = 0;
  std::int64_t shown_ = 0;
};

}  // namespace

std::unique_ptr<FrameFeeder> stationary(const at::Tensor& patches) {
  side_of(patches);
  return std::make_unique<Stationary>(patches);
}

std::unique_ptr<FrameFeeder> jitter_crop(const at::Tensor& pictures, std::int64_t side,
                                         std::uint64_t seed, Walk walk) {
  check_side(side);
  if (pictures.dim() != 3 || pictures.scalar_type() != at::kFloat || pictures.size(0) < 1 ||
      pictures.size(1) < side || pictures.size(2) < side)
    throw UsageError(text("expected pictures, float32 [B, H, W], of at least ", side, "x", side,
                          " pixels, got ", pictures.toString(), " ", pictures.sizes()));
  return std::make_unique<JitterCrop>(pictures, side, seed, walk);
}

std::unique_ptr<FrameFeeder> jitter_pad(const at::Tensor& patches, std::int64_t margin,
                                        std::uint64_t seed, Walk walk) {
  side_of(patches);
  if (margin < 0 || margin > longest_side)
    throw UsageError(text("expected a margin of 0 to ", longest_side, " pixels, got ", margin));
  return std::make_unique<JitterPad>(patches, margin, seed, walk);
}

std::unique_ptr<FrameFeeder> rotating(const at::Tensor& patches, double degrees_per_step,
                                      std::uint64_t seed, std::optional<double> first_degrees) {
  side_of(patches);
  check_finite("degrees a step", degrees_per_step);
  check_finite("a first angle", first_degrees.value_or(0));
  return std::make_unique<Rotating>(patches, degrees_per_step, seed, first_degrees);
}

std::unique_ptr<FrameFeeder> drifting_grating(const Grating& grating, std::int64_t side) {
  return std::make_unique<DriftingGrating>(grating, side);
}

std::unique_ptr<FrameFeeder> white_noise(std::int64_t batch, std::int64_t side,
                                         std::uint64_t seed) {
  return std::make_unique<WhiteNoise>(batch, side, seed);
}

std::unique_ptr<FrameFeeder> moving_bars(const MovingBars& bars, std::int64_t side) {
  return std::make_unique<Bars>(bars, side);
}

}  // namespace neurosplat
