#include "neurosplat/renderer/patches/patches.h"

#include <ATen/ATen.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/cuda_functions.h"
#include "renderer/patches/checks.h"
#include "renderer/patches/eager_renderer.h"
#include "renderer/patches/fused/fused_renderer.h"

namespace neurosplat::patches {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;  // pixels

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

/// Refuses what the chosen implementation does not serve.
Mode choose(const at::Tensor& splats, Mode asked) {
  if (asked == Mode::cuda) neurosplat::cuda::require(splats, "splats", "eager");
  const bool single = splats.scalar_type() == at::kFloat;
  if (asked == Mode::fused && !(splats.is_cpu() && single)) {
    throw UsageError(text("splats: the fused renderer takes float32 on the CPU, got ",
                          splats.scalar_type(), " on ", splats.device(),
                          "; choose the eager renderer"));
  }
  if (asked != Mode::automatic) return asked;
  if (neurosplat::cuda::serves(splats)) return Mode::cuda;
  return splats.is_cpu() && single ? Mode::fused : Mode::eager;
}

}  // namespace

Grid grid_of(std::int64_t height, std::int64_t width, std::int64_t tile) {
  if (tile < 1 || height < 1 || width < 1 || height % tile != 0 || width % tile != 0) {
    throw UsageError(text("picture: expected sides that are multiples of the tile's ", tile,
                          " pixels, got ", height, " x ", width));
  }
  return {height / tile, width / tile};
}

Mode mode_from_name(const std::string& name) {
  if (name == "auto") return Mode::automatic;
  if (name == "eager") return Mode::eager;
  if (name == "fused") return Mode::fused;
  if (name == "cuda") return Mode::cuda;
  throw UsageError(text("renderer: expected auto, eager, fused or cuda, got '", name, "'"));
}

std::string name_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::kExponential:
      return "exponential";
    case Kernel::kCosine:
      return "cosine";
    case Kernel::kSharp:
      return "sharp";
    case Kernel::kSharpPost:
      return "sharp-post";
  }
  throw Error("a kernel without a name");
}

Kernel kernel_from_name(const std::string& name) {
  for (const auto kernel :
       {Kernel::kExponential, Kernel::kCosine, Kernel::kSharp, Kernel::kSharpPost}) {
    if (name_of(kernel) == name) return kernel;
  }
  throw UsageError(
      text("kernel: expected exponential, cosine, sharp or sharp-post, got '", name, "'"));
}

std::string name_of(Sharing sharing) {
  return sharing == Sharing::kOwn ? "own" : "3x3";
}

Sharing sharing_from_name(const std::string& name) {
  if (name == "own") return Sharing::kOwn;
  if (name == "3x3") return Sharing::kNeighbours;
  throw UsageError(text("sharing: expected own or 3x3, got '", name, "'"));
}

at::Tensor render(const at::Tensor& splats, const Form& form, Mode mode) {
  check_tensor(splats);
  check_form(splats, form);
  switch (choose(splats, mode)) {
    case Mode::fused:
      return fused::draw(splats, form);
    case Mode::cuda:
      return neurosplat::cuda::functions().draw_patches(splats, form);
    default:
      if (splats.is_cpu()) check_numbers(splats);
      return eager::draw(splats, form);
  }
}

}  // namespace neurosplat::patches
