#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {

inline constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
inline constexpr double kFontScale = 0.42;
/// Places are given to OpenCV in 1/16 pixels.
inline constexpr int kShift = 4;

inline cv::Scalar bgr(const Colour& colour) {
  return {255.0 * colour[2], 255.0 * colour[1], 255.0 * colour[0]};
}

inline cv::Point sixteenths(const Place& place) {
  static constexpr double kFar = 1e6;  // keeps nonsense inside an int
  const auto fixed_point = [](double value) {
    return static_cast<int>(std::lround(std::clamp(value, -kFar, kFar) * (1 << kShift)));
  };
  return {fixed_point(place.column), fixed_point(place.row)};
}

/// A picture as OpenCV draws on it, and back.
struct Canvas {
  explicit Canvas(const at::Tensor& picture)
      : pixels(to_bgr_pixels(picture)),
        mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
            pixels.data_ptr<std::uint8_t>()) {}

  at::Tensor picture() const {
    return pixels.permute({2, 0, 1}).flip(0).to(at::kFloat).div(255.0).contiguous();
  }

  /// With a dark rim, it can be read on any ground.
  void write_rimmed(const std::string& words, int x, int y, const Colour& colour) {
    cv::putText(mat, words, {x, y}, kFont, kFontScale, {0, 0, 0}, 3, cv::LINE_AA);
    write(words, x, y, colour);
  }

  void write(const std::string& words, int x, int y, const Colour& colour) {
    cv::putText(mat, words, {x, y}, kFont, kFontScale, bgr(colour), 1, cv::LINE_AA);
  }

  /// What `words` take in a line, pixels.
  static int width_of(const std::string& words) {
    int below = 0;
    return cv::getTextSize(words, kFont, kFontScale, 1, &below).width;
  }

  at::Tensor pixels;
  cv::Mat mat;
};

}  // namespace neurosplat
