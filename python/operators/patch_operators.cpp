// neurosplat::render_patches and neurosplat::activate_patches: splats that are given tile by tile.
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/patches/patches.h"
#include "operators/redrawn_operator.h"

namespace neurosplat::operators {
namespace {

struct RenderPatches {
  static constexpr const char* value = "render_patches";
};
struct ActivatePatches {
  static constexpr const char* value = "activate_patches";
};

void check_shape(const at::Tensor& splats) {
  TORCH_CHECK_VALUE(splats.dim() == 5 && splats.sym_size(4) == patches::kNumbers,
                    "splats: expected [B, rows, columns, S, ", int{patches::kNumbers},
                    "] numbers, got ", splats.sym_sizes());
  TORCH_CHECK_VALUE(splats.scalar_type() == at::kFloat || splats.scalar_type() == at::kDouble,
                    "splats: expected float32 or float64, got ", splats.scalar_type());
}

at::Tensor draw(const at::Tensor& splats, std::int64_t tile, std::string_view kernel,
                std::string_view sharing, std::string_view renderer) {
  const patches::Form form{.kernel = patches::kernel_from_name(std::string(kernel)),
                           .sharing = patches::sharing_from_name(std::string(sharing)),
                           .tile = tile};
  return patches::render(splats, form, patches::mode_from_name(std::string(renderer)));
}

at::Tensor draw_shape(const at::Tensor& splats, std::int64_t tile, std::string_view,
                      std::string_view, std::string_view) {
  check_shape(splats);
  TORCH_CHECK_VALUE(tile >= 1, "tile: expected 1 pixel or more, got ", tile);
  return at::empty_symint(
      {splats.sym_size(0), 3, splats.sym_size(1) * tile, splats.sym_size(2) * tile},
      splats.options());
}

at::Tensor activate(const at::Tensor& raw, double depth_gain, double width_bias,
                    double colour_limit) {
  return patches::activate(
      raw, {.depth_gain = depth_gain, .width_bias = width_bias, .colour_limit = colour_limit});
}

at::Tensor activate_shape(const at::Tensor& raw, double, double, double) {
  check_shape(raw);
  return at::empty_symint(raw.sym_sizes(), raw.options());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(neurosplat, library) {
  RedrawnOperator<RenderPatches, draw, draw_shape, std::int64_t, std::string_view, std::string_view,
                  std::string_view>::define(library,
                                            ", int tile=8, *, str kernel='cosine', str "
                                            "sharing='own', str renderer='auto'");
  RedrawnOperator<ActivatePatches, activate, activate_shape, double, double, double>::define(
      library, ", *, float depth_gain=1., float width_bias=0., float colour_limit=1.");
}

}  // namespace neurosplat::operators
