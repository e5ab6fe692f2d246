#include "neurosplat/renderer/patches/patches.h"

#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/patches/cuda/cuda_patches.h"
#include "renderer/patches/eager_renderer.h"
#include "renderer/patches/fused/fused_renderer.h"
#include "renderer/patches/checks.h"

namespace neurosplat::patches {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;    // pixels
constexpr std::int64_t kMostSplats = 1 << 16;     // of a tile

void check_tensor(const at::Tensor& splats) {
  if (!splats.defined()) throw UsageError("splats: expected a tensor, got an undefined one");
  if (splats.dim() != 5 || splats.numel() == 0 || splats.size(4) != kNumbers ||
      splats.size(3) > kMostSplats) {
    throw UsageError(text("splats: expected [B >= 1, rows >= 1, columns >= 1, 1 to ", kMostSplats,
                          " splats, 9 numbers], got ", splats.sizes()));
  }
  if (splats.scalar_type() != at::kFloat && splats.scalar_type() != at::kDouble) {
    throw UsageError(text("splats: expected float32 or float64, got ", splats.scalar_type()));
  }
}

void check_form(const at::Tensor& splats, const Form& form) {
  const auto fits = [&](std::int64_t tiles) {
    return tiles <= kLargestSide && form.tile <= kLargestSide / tiles;
  };
  if (form.tile < 1 || !fits(splats.size(1)) || !fits(splats.size(2))) {
    throw UsageError(text("tile: expected 1 pixel or more and sides of at most ", kLargestSide,
                          ", got ", form.tile, " pixels a tile for ", splats.size(1), " x ",
                          splats.size(2), " tiles"));
  }
}

/// What the fused renderer finds out as it reads the splats.
void check_numbers(const at::Tensor& splats) {
  const auto flat = splats.detach().contiguous().view({-1, kNumbers});
  auto bad = (flat.abs() <= kLargestNumber).logical_not();
  bad.select(1, kCorrelation).logical_or_(flat.select(1, kCorrelation).abs() > 1);
  const auto places = bad.flatten().nonzero();
  if (places.numel() > 0) refuse(splats.detach().contiguous(), places[0].item<std::int64_t>());
}

/// Refuses what the chosen implementation does not serve.
Mode choose(const at::Tensor& splats, Mode asked) {
  if (asked == Mode::cuda) cuda::require(splats);
  const bool single = splats.scalar_type() == at::kFloat;
  if (asked == Mode::fused && !(splats.is_cpu() && single)) {
    throw UsageError(text("splats: the fused renderer takes float32 on the CPU, got ",
                          splats.scalar_type(), " on ", splats.device(),
                          "; choose the eager renderer"));
  }
  if (asked != Mode::automatic) return asked;
  if (cuda::built() && splats.is_cuda() && single) return Mode::cuda;
  return splats.is_cpu() && single ? Mode::fused : Mode::eager;
}

}  // namespace

void refuse(const at::Tensor& splats, std::int64_t place) {
  const std::int64_t number = place % kNumbers, splat = place / kNumbers % splats.size(3);
  const std::int64_t tile = place / (kNumbers * splats.size(3));
  const std::int64_t column = tile % splats.size(2), row = tile / splats.size(2) % splats.size(1);
  const double value = splats.flatten()[place].item<double>();
  const bool correlation = number == kCorrelation && std::abs(value) <= kLargestNumber;
  throw UsageError(text("splats: expected ",
                        correlation ? "correlations of -1 to 1"
                                    : "finite numbers of -1e6 to 1e6",
                        ", got ", value, " as number ", number, " of splat ", splat, " of tile (",
                        row, ", ", column, ") of picture ",
                        tile / (splats.size(1) * splats.size(2))));
}

at::Tensor activate(const at::Tensor& raw, const Activation& activation) {
  check_tensor(raw);
  if (!(activation.depth_gain > 0 && std::isfinite(activation.depth_gain)) ||
      !std::isfinite(activation.width_bias) ||
      !(activation.colour_limit > 0 && std::isfinite(activation.colour_limit))) {
    throw UsageError(text("activation: expected a depth gain and a colour limit above 0 and a ",
                          "finite width bias, got ", activation.depth_gain, ", ",
                          activation.colour_limit, " and ", activation.width_bias));
  }
  const auto part = [&](int first, int count) { return raw.narrow(4, first, count); };
  return at::cat({part(kOffsetX, 2).tanh() + 0.5,
                  4 * (part(kScaleX, 2) + activation.width_bias).sigmoid(),
                  part(kCorrelation, 1).tanh(),
                  activation.colour_limit * part(kRed, 3).sigmoid(),
                  64 * (activation.depth_gain * part(kWeight, 1)).sigmoid()},
                 4);
}

Mode mode_from_name(const std::string& name) {
  if (name == "auto") return Mode::automatic;
  if (name == "eager") return Mode::eager;
  if (name == "fused") return Mode::fused;
  if (name == "cuda") return Mode::cuda;
  throw UsageError(text("renderer: expected auto, eager, fused or cuda, got '", name, "'"));
}

Kernel kernel_from_name(const std::string& name) {
  if (name == "exponential") return Kernel::kExponential;
  if (name == "cosine") return Kernel::kCosine;
  if (name == "sharp") return Kernel::kSharp;
  if (name == "sharp-post") return Kernel::kSharpPost;
  throw UsageError(
      text("kernel: expected exponential, cosine, sharp or sharp-post, got '", name, "'"));
}

at::Tensor render(const at::Tensor& splats, const Form& form, Mode mode) {
  check_tensor(splats);
  check_form(splats, form);
  switch (choose(splats, mode)) {
    case Mode::fused:
      return fused::draw(splats, form);
    case Mode::cuda:
      return cuda::draw(splats, form);
    default:
      if (splats.is_cpu()) check_numbers(splats);
      return eager::draw(splats, form);
  }
}

}  // namespace neurosplat::patches
