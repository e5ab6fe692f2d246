#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace neurosplat {

/// A pixel that is looked at.
struct Fixation {
  std::int64_t row, column;
  bool operator==(const Fixation&) const = default;
};

/// exp(-r^2 / (2 sigma^2)) round a fixation, [height, width], float or double; r and sigma in
/// pixels.
at::Tensor fovea(std::int64_t height, std::int64_t width, const Fixation& centre, double sigma,
                 at::ScalarType type);

/// Where the eye goes next: to the most salient pixel among those that it has not just seen.
/// Keeps the inhibition of return, a map that grows where the eye was and fades.
/// docs/neuro-splat.md, "Gaze".
class Gaze {
 public:
  /// `sigma` of what a fixation inhibits, pixels; `border`: pixels along the edges that are never
  /// looked at (the filters see zeros beyond them).
  Gaze(std::int64_t height, std::int64_t width, double sigma, std::int64_t border,
       at::ScalarType type);

  /// The largest saliency * (1 - clip(inhibition, 0, 1)) inside the border; the first in row
  /// order of equals. saliency: [H, W], not negative.
  Fixation most_salient(const at::Tensor& saliency) const;
  /// Adds what a fixation inhibits.
  void inhibit(const Fixation& fixation);
  /// The inhibition times `factor`.
  void fade(double factor);

  const at::Tensor& inhibition() const { return inhibition_; }

 private:
  at::Tensor inhibition_, inside_;
  double sigma_;
};

}  // namespace neurosplat
