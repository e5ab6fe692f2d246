#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace neurosplat {

/// Oriented complex Gabor filters, orientation o being pi o / orientations.
/// docs/neuro-splat.md, "Agreement gate".
struct GaborSettings {
  std::int64_t orientations = 4;
  double wavelength = 8.0;    ///< pixels
  double sigma = 6.0;         ///< of the envelope, pixels
  std::int64_t support = 25;  ///< pixels a side, odd
  bool operator==(const GaborSettings&) const = default;
};

/// Throws UsageError unless a bank can be built of them.
void check(const GaborSettings& settings);

/// The filters g = exp(-(x^2 + y^2) / (2 sigma^2)) exp(i 2 pi (x cos + y sin) / wavelength) less
/// their mean, complex128 [O, support, support], row y, column x.
at::Tensor gabor_kernels(const GaborSettings& settings);

/// Applies the bank. Each filter is a product of two axis factors less a constant, so that a
/// response takes two passes along the axes; orientations share what they have in common.
/// docs/perception.md derives it. Safe to use from several threads.
class GaborBank {
 public:
  explicit GaborBank(const GaborSettings& settings = {});
  ~GaborBank();
  GaborBank(GaborBank&&) noexcept;
  GaborBank& operator=(GaborBank&&) noexcept;

  const GaborSettings& settings() const;

  /// Convolution (the kernel mirrored, not correlation) of a picture [H, W], float or double on
  /// the CPU, with every filter, zero beyond the edges, of the picture's own size: real and
  /// imaginary part, [O, 2, H, W] of its type.
  at::Tensor respond(const at::Tensor& picture) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neurosplat
