#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>

namespace neurosplat {

/// Whether a picture holds a cat's face, by OpenCV's two cascades of frontal cat faces: a judge of
/// samples that knows no feature network. Of real pictures it finds fewer than all; say their share
/// beside that of samples.
class CatFaceDetector {
 public:
  /// Windows that must agree on a face.
  static constexpr int kNeighbours = 3;

  /// Reads haarcascade_frontalcatface.xml and haarcascade_frontalcatface_extended.xml. Throws
  /// Error, one line, when one is missing or no cascade, UsageError for fewer than 0 neighbours.
  explicit CatFaceDetector(const std::filesystem::path& folder, int neighbours = kNeighbours);
  ~CatFaceDetector();
  CatFaceDetector(CatFaceDetector&&) noexcept;
  CatFaceDetector& operator=(CatFaceDetector&&) noexcept;

  /// Of pictures [B, 3, H, W], RGB, floating-point in [0, 1] (clamped) on the CPU: bool [B],
  /// whether either cascade finds one. Each becomes 8-bit grey, its short side 192 pixels (cubic
  /// where it grows, areas where it shrinks); windows of 90 pixels and more, each scale 1.05 times
  /// the one before. A face of the whole picture is centred and larger than that. Throws Error for
  /// other tensors.
  at::Tensor operator()(const at::Tensor& pictures) const;

 private:
  struct Cascades;
  std::unique_ptr<Cascades> cascades_;
};

/// The folder of the cascades: $NEUROSPLAT_CASCADES, else where Debian's opencv-data and OpenCV's
/// own build put them. Throws Error that says how to get them when they are in none.
std::filesystem::path cat_cascade_folder();

}  // namespace neurosplat
