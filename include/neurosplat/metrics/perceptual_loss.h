#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace neurosplat {

/// What a picture must share with its target beyond its pixels: a term of a training loss. Say
/// which one a number used.
class PerceptualLoss {
 public:
  using Term = std::function<at::Tensor(const at::Tensor& pictures, const at::Tensor& target)>;

  /// Without a term: none.
  PerceptualLoss() = default;
  PerceptualLoss(std::string name, Term term) : name_(std::move(name)), term_(std::move(term)) {}

  /// As perceptual_loss() was asked for.
  const std::string& name() const { return name_; }
  bool is_none() const { return !term_; }

  /// Of pictures and their target, floating-point [B, 3, H, W] in [0, 1], of one shape on one
  /// device: a scalar >= 0, mean over the batch, 0 for equal ones. Differentiable in both. What is
  /// narrower than float32 is widened; double stays double where the term has no weights of its
  /// own. Throws Error for others.
  at::Tensor operator()(const at::Tensor& pictures, const at::Tensor& target) const;

 private:
  std::string name_ = "none";
  Term term_;
};

/// - "none": 0 always.
/// - "pyramid": pyramid_loss(), which knows no network.
/// - "lite0": distance of normalised maps of EfficientNet-Lite0 (feature_network_file()) at four
///   depths, of the pictures at their own size, sides multiples of 32.
/// - "script:FILE": the same of a TorchScript network that the user gives (LPIPS' VGG, say). It
///   takes [B, 3, H, W] in [0, 1] and normalises itself; it gives a tensor [B, C, ...] or a tuple
///   or list of them. TorchScript is a program: run only files that you trust.
/// Throws UsageError for another name, Error, one line, for a file that is missing or is none.
PerceptualLoss perceptual_loss(const std::string& name, const at::Device& device = at::kCPU);

/// Sum of the mean absolute differences of the bands of a pyramid, and of the pictures' gradients.
/// A band is what a blur of weights (1 4 6 4 1)/16 takes away (edges repeated); the blurred picture
/// at every second pixel makes the next of `levels` bands; the last is itself compared
/// (filter-subtract-decimate: van der Wal and Burt 1992). Means of bands instead of sums are the
/// factor 4 a level of the Laplacian-pyramid loss of Bojanowski et al. (2018). Gradients: mean
/// absolute difference of the differences of neighbours, both directions.
at::Tensor pyramid_loss(const at::Tensor& pictures, const at::Tensor& target,
                        std::int64_t levels = 4);

/// Mean over maps, batch and places of the squared distance of channel vectors, each of length 1
/// (Zhang et al. 2018, LPIPS without learned weights): [B, C, ...] in pairs. 0 to 4.
at::Tensor feature_distance(const std::vector<at::Tensor>& one,
                            const std::vector<at::Tensor>& other);

}  // namespace neurosplat
