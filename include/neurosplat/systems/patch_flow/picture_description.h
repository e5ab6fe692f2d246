#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "neurosplat/metrics/picture_descriptors.h"
#include "neurosplat/systems/patch_flow/patch_flow.h"

namespace neurosplat {

/// Gives the conditions of pictures that a model takes, standardised by what it keeps.
class PictureDescription {
 public:
  /// Shares the model's standards: what it learns or loads later counts. Throws Error where a
  /// descriptor needs weights that are not there.
  explicit PictureDescription(const PatchFlow& model);

  /// Of pictures [B, 3, S, S], floating-point in [0, 1], of the model's size: both rows where it
  /// takes them, on its device. Throws UsageError for other shapes.
  Conditions operator()(const at::Tensor& pictures) const;

 private:
  struct Branch {
    PictureDescriptor describe;
    at::Tensor mean, deviation;
  };
  static at::Tensor rows_of(const std::optional<Branch>& branch, const at::Tensor& pictures);

  std::int64_t side_;
  std::optional<Branch> vision_, semantic_;
};

/// The same, once.
Conditions describe(const PatchFlow& model, const at::Tensor& pictures);

/// Sets what a model standardises its conditions by to mean and deviation of these pictures' (as
/// above, more than one). A number that is the same in all keeps the deviation 1.
void fit_standards(const PatchFlow& model, const at::Tensor& pictures);

}  // namespace neurosplat
