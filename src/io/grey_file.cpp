#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "io/decoded_picture.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

using Weights = std::array<float, 3>;  // of blue, green, red
constexpr Weights brightness = {0.114F, 0.587F, 0.299F};
constexpr Weights luminance = {0.0722F, 0.7152F, 0.2126F};

// What each level of 8 or 16 bits stands for.
std::vector<float> level_values(int depth, bool undo_srgb) {
  const std::size_t most = depth == CV_8U ? 255 : 65535;
  std::vector<float> values(most + 1);
  for (std::size_t level = 0; level <= most; ++level) {
    const double share = static_cast<double>(level) / static_cast<double>(most);
    const double linear = share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
    values[level] = static_cast<float>(undo_srgb ? linear : share);
  }
  return values;
}

template <class Level>
void weigh_rows(const cv::Mat& picture, const std::vector<float>& values, const Weights& weights,
                float* grey) {
  for (int row = 0; row < picture.rows; ++row) {
    const auto* levels = picture.ptr<Level>(row);
    for (int column = 0; column < picture.cols; ++column, ++grey) {
      if (picture.channels() == 1) {
        *grey = values[levels[column]];
        continue;
      }
      const auto* pixel = levels + 3 * column;
      const float sum = weights[0] * values[pixel[0]] + weights[1] * values[pixel[1]] +
                        weights[2] * values[pixel[2]];
      *grey = std::min(sum, 1.0F);  // the weights' rounding
    }
  }
}

at::Tensor read_grey(const std::filesystem::path& path, bool linear_light) {
  const auto picture = decoded_picture(path, cv::IMREAD_ANYDEPTH | cv::IMREAD_ANYCOLOR);
  const auto values = level_values(picture.depth(), linear_light && picture.depth() == CV_8U);
  const auto& weights = linear_light ? luminance : brightness;
  auto grey = at::empty({picture.rows, picture.cols}, at::TensorOptions(at::kFloat));
  auto* pixels = grey.mutable_data_ptr<float>();
  if (picture.depth() == CV_8U)
    weigh_rows<std::uint8_t>(picture, values, weights, pixels);
  else
    weigh_rows<std::uint16_t>(picture, values, weights, pixels);
  return grey;
}

}  // namespace

at::Tensor read_grey_levels(const std::filesystem::path& path) {
  return read_grey(path, /*linear_light=*/false);
}

at::Tensor read_linear_grey(const std::filesystem::path& path) {
  return read_grey(path, /*linear_light=*/true);
}

}  // namespace neurosplat
