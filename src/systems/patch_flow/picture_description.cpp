#include "neurosplat/systems/patch_flow/picture_description.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// A smaller deviation is rounding.
constexpr double kLeastDeviation = 1e-6;

struct Standards {
  at::Tensor mean, deviation;
};

/// The model's own tensors.
Standards standards_of(const PatchFlow& model, const std::string& branch) {
  const auto state = model.state();
  return {state.at("conditions." + branch + ".mean"),
          state.at("conditions." + branch + ".deviation")};
}

}  // namespace

PictureDescription::PictureDescription(const PatchFlow& model)
    : side_(model.architecture().image_size) {
  const auto open = [&](const std::string& branch, const std::string& name) {
    const auto [mean, deviation] = standards_of(model, branch);
    return Branch{PictureDescriptor(name, model.device()), mean, deviation};
  };
  const auto& sizes = model.architecture();
  if (sizes.vision_size() > 0) vision_ = open("vision", sizes.vision);
  if (sizes.semantic_size() > 0) semantic_ = open("semantic", sizes.semantic);
}

at::Tensor PictureDescription::rows_of(const std::optional<Branch>& branch,
                                       const at::Tensor& pictures) {
  if (!branch) return {};
  return (branch->describe(pictures) - branch->mean) / branch->deviation;
}

Conditions PictureDescription::operator()(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  if (pictures.dim() != 4 || pictures.sizes().slice(1) != at::IntArrayRef({3, side_, side_})) {
    throw UsageError(
        text("expected pictures [B, 3, ", side_, ", ", side_, "], got ", pictures.sizes()));
  }
  return {.vision = rows_of(vision_, pictures), .semantic = rows_of(semantic_, pictures)};
}

Conditions describe(const PatchFlow& model, const at::Tensor& pictures) {
  return PictureDescription(model)(pictures);
}

void fit_standards(const PatchFlow& model, const at::Tensor& pictures) {
  const at::NoGradGuard no_gradient;
  const auto fit = [&](const std::string& branch, std::int64_t numbers, const std::string& name) {
    if (numbers == 0) return;
    const auto rows = PictureDescriptor(name, model.device())(pictures).to(at::kDouble);
    const auto [mean, deviation] = standards_of(model, branch);
    const auto spread = rows.std(0, /*unbiased=*/false);
    mean.copy_(rows.mean(0));
    deviation.copy_(at::where(spread > kLeastDeviation, spread, at::ones_like(spread)));
  };
  const auto& sizes = model.architecture();
  fit("vision", sizes.vision_size(), sizes.vision);
  fit("semantic", sizes.semantic_size(), sizes.semantic);
}

}  // namespace neurosplat
