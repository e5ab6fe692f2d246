#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>

namespace neurosplat {

/// Whether a picture holds a cat's face, by OpenCV's two cascades of frontal cat faces: a judge of
/// samples that knows no feature network. It asks for a face's coarse layout only: of 300 held-out
/// cats it found .91, of samples of a Gaussian of their pixels .90. Say both beside that of
/// samples.
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
  /// the one before. OpenCV takes threads of its own. Not for two threads at once. Throws Error for
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
