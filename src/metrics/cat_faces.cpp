#include "neurosplat/metrics/cat_faces.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 2> kFiles = {"haarcascade_frontalcatface.xml",
                                               "haarcascade_frontalcatface_extended.xml"};
constexpr const char* kHowToGet =
    "install Debian's opencv-data (scripts/setup.sh does) or set NEUROSPLAT_CASCADES to their "
    "folder";
constexpr int kSide = 192, kSmallestFace = 90;
constexpr double kScaleStep = 1.05;

bool has_cascades(const fs::path& folder) {
  return std::all_of(kFiles.begin(), kFiles.end(), [&](const char* name) {
    std::error_code ignored;
    return fs::is_regular_file(folder / name, ignored);
  });
}

cv::CascadeClassifier cascade_in(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    throw Error(text("expected a cascade in ", file.string(), ", found no file: ", kHowToGet));
  cv::CascadeClassifier cascade;
  try {
    if (cascade.load(file.string())) return cascade;
  } catch (const cv::Exception&) {
    // Said below, in one line.
  }
  throw Error(text("expected a cascade in ", file.string(), ", got something else: ", kHowToGet));
}

/// Grey, the short side kSide pixels.
cv::Mat prepared(const at::Tensor& picture) {
  const auto pixels = to_bgr_pixels(picture);
  const cv::Mat colour(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3,
                       pixels.data_ptr<std::uint8_t>());
  cv::Mat grey, scaled;
  cv::cvtColor(colour, grey, cv::COLOR_BGR2GRAY);
  const int shorter = std::min(grey.rows, grey.cols);
  const auto side_of = [&](int side) {
    return static_cast<int>(std::lround(static_cast<double>(side) * kSide / shorter));
  };
  cv::resize(grey, scaled, {side_of(grey.cols), side_of(grey.rows)}, 0, 0,
             shorter > kSide ? cv::INTER_AREA : cv::INTER_CUBIC);
  return scaled;
}

}  // namespace

struct CatFaceDetector::Cascades {
  std::array<cv::CascadeClassifier, 2> each;
  int neighbours;

  bool find(const cv::Mat& grey) {
    return std::any_of(each.begin(), each.end(), [&](cv::CascadeClassifier& cascade) {
      std::vector<cv::Rect> faces;
      cascade.detectMultiScale(grey, faces, kScaleStep, neighbours, 0,
                               {kSmallestFace, kSmallestFace});
      return !faces.empty();
    });
  }
};

CatFaceDetector::CatFaceDetector(const fs::path& folder, int neighbours) {
  if (neighbours < 0)
    throw UsageError(text("neighbours of a face: expected at least 0, got ", neighbours));
  cascades_ = std::make_unique<Cascades>(
      Cascades{{cascade_in(folder / kFiles[0]), cascade_in(folder / kFiles[1])}, neighbours});
}

CatFaceDetector::~CatFaceDetector() = default;
CatFaceDetector::CatFaceDetector(CatFaceDetector&&) noexcept = default;
CatFaceDetector& CatFaceDetector::operator=(CatFaceDetector&&) noexcept = default;

at::Tensor CatFaceDetector::operator()(const at::Tensor& pictures) const {
  if (!pictures.defined() || !pictures.is_floating_point() || pictures.dim() != 4 ||
      pictures.size(1) != 3 || pictures.numel() == 0 || !pictures.is_cpu()) {
    throw Error(text("expected pictures [B, 3, H, W], floating-point on the CPU, got ",
                     pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes(),
                                               " on ", pictures.device())
                                        : "nothing",
                     ": give at least one colour picture"));
  }
  auto found = at::zeros({pictures.size(0)}, at::kBool);
  for (std::int64_t index = 0; index < pictures.size(0); ++index)
    found[index].fill_(cascades_->find(prepared(pictures[index])));
  return found;
}

fs::path cat_cascade_folder() {
  const char* chosen = std::getenv("NEUROSPLAT_CASCADES");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  const std::array<const char*, 4> usual = {
      "/usr/share/opencv4/haarcascades", "/usr/local/share/opencv4/haarcascades",
      "/usr/share/opencv/haarcascades", "/usr/local/share/opencv/haarcascades"};
  const auto folder = std::find_if(usual.begin(), usual.end(), has_cascades);
  if (folder != usual.end()) return *folder;
  throw Error(text("expected OpenCV's cascades of cat faces in ", usual.front(),
                   " or a like folder, found none: ", kHowToGet));
}

}  // namespace neurosplat
