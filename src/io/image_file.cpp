#include "neurosplat/io/image_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>
#include <vector>

#include "io/decoded_picture.h"
#include "io/picture_library.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"

namespace neurosplat {
namespace {

constexpr std::uint64_t longest_side = std::uint64_t{1} << 20U;

cv::Mat read_interleaved(const std::filesystem::path& path) {
  return decoded_picture(path, cv::IMREAD_COLOR);
}

// Crops before it scales: scaling a strip of a million pixels by one first would make it huge.
cv::Mat scaled_square(const cv::Mat& picture, std::int64_t side, std::int64_t first_crop) {
  if (side < 1 || side > std::int64_t{1} << 14U)
    throw Error(text("expected a side of 1 to 16384 pixels, got ", side));
  int crop = std::min(picture.rows, picture.cols);
  if (first_crop > 0 && first_crop < crop) crop = static_cast<int>(first_crop);
  const cv::Rect centre((picture.cols - crop) / 2, (picture.rows - crop) / 2, crop, crop);
  const int pixels = static_cast<int>(side);
  cv::Mat square;
  cv::resize(picture(centre), square, cv::Size(pixels, pixels), 0, 0,
             pixels < crop ? cv::INTER_AREA : cv::INTER_LINEAR);
  return square;
}

// The three planes of an interleaved picture, last channel first.
void write_planes_reversed(const cv::Mat& picture, std::uint8_t* planes) {
  const auto plane = [&](std::size_t index) {
    return cv::Mat(picture.rows, picture.cols, CV_8UC1, planes + index * picture.total());
  };
  std::vector<cv::Mat> channels = {plane(2), plane(1), plane(0)};
  cv::split(picture, channels);
}

// uint8 [3, H, W] on the CPU to interleaved, last channel first.
cv::Mat interleaved_reversed(const at::Tensor& picture) {
  const auto planes = picture.flip(0).permute({1, 2, 0}).contiguous();
  return cv::Mat(static_cast<int>(planes.size(0)), static_cast<int>(planes.size(1)), CV_8UC3,
                 planes.data_ptr<std::uint8_t>())
      .clone();
}

void check_shape(const at::Tensor& picture, std::string_view expected, bool type_fits) {
  constexpr auto longest = static_cast<std::int64_t>(longest_side);
  if (type_fits && picture.dim() == 3 && picture.size(0) == 3 && picture.numel() > 0 &&
      picture.size(1) <= longest && picture.size(2) <= longest)
    return;
  throw Error(
      text("expected ", expected, " [3, H, W], got ", picture.toString(), " ", picture.sizes()));
}

at::Tensor to_planes(const cv::Mat& picture) {
  auto planes = at::empty({3, picture.rows, picture.cols}, at::kByte);
  write_planes_reversed(picture, planes.data_ptr<std::uint8_t>());
  return planes;
}

}  // namespace

bool is_picture_name(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 5> extensions = {".jpg", ".jpeg", ".png", ".bmp", ".webp"};
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

at::Tensor read_picture(const std::filesystem::path& path) {
  return to_planes(read_interleaved(path));
}

at::Tensor centre_square(const at::Tensor& picture, std::int64_t size) {
  check_shape(picture, "a picture, uint8", picture.scalar_type() == at::kByte);
  return to_planes(scaled_square(interleaved_reversed(picture.cpu()), size, 0));
}

at::Tensor grey_square(const at::Tensor& picture, std::int64_t size) {
  const auto weights = at::tensor({0.299, 0.587, 0.114}, at::kDouble).div(255.0);
  return at::tensordot(weights, centre_square(picture, size).to(at::kDouble), {0}, {0});
}

void decode_centre_square(const std::filesystem::path& path, std::int64_t side,
                          std::uint8_t* planes, std::int64_t first_crop) {
  write_planes_reversed(scaled_square(read_interleaved(path), side, first_crop), planes);
}

at::Tensor to_bgr_pixels(const at::Tensor& picture) {
  check_shape(picture, "a picture, float", at::isFloatingType(picture.scalar_type()));
  return picture.detach()
      .to(at::kCPU, at::kFloat)
      .nan_to_num(0.0)
      .clamp(0.0, 1.0)
      .mul(255.0)
      .round()
      .to(at::kByte)
      .flip(0)
      .permute({1, 2, 0})
      .contiguous();
}

void write_png(const std::filesystem::path& path, const at::Tensor& picture) {
  write_png_pixels(path, to_bgr_pixels(picture));
}

void write_png_pixels(const std::filesystem::path& path, const at::Tensor& pixels) {
  if (pixels.dim() != 3 || pixels.size(2) != 3 || pixels.numel() == 0 ||
      pixels.scalar_type() != at::kByte || !pixels.is_contiguous() || !pixels.is_cpu()) {
    throw Error(text("expected pixels, uint8 [H, W, 3] on the CPU, got ", pixels.toString(), " ",
                     pixels.sizes()));
  }
  const cv::Mat matrix(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                       pixels.data_ptr<std::uint8_t>());
  std::vector<std::uint8_t> bytes;
  try {
    if (!picture_library().encode(".png", matrix, bytes, {}))
      throw Error(text("expected to encode ", path.string(), " as PNG, the encoder refused"));
  } catch (const cv::Exception&) {
    throw Error(text("expected to encode ", path.string(), " as PNG, the encoder failed"));
  }
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace neurosplat
