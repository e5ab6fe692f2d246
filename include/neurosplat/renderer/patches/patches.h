#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "neurosplat/renderer/patches/patch.h"

/// Pictures from splats that are given tile by tile, blended by depth (patch.h has the formulas,
/// docs/renderer.md, "The patch renderer", the derivations and docs/sources.md the source).
namespace neurosplat::patches {

/// What a network's numbers become. The defaults are the author's.
struct Activation {
  /// w = 64 sigmoid(gain * raw). With 1 a step of Adam moves log-weights by several units; 1/8
  /// learns.
  double depth_gain = 1;
  /// Scales are 4 sigmoid(raw + bias): a negative bias starts with broader splats.
  double width_bias = 0;
  /// Colours lie in (0, limit). Above 1 they may make up for what the kernels' lobes take away.
  double colour_limit = 1;
};

/// Raw numbers [B, rows, columns, S, 9] in the order of patch.h's Number to activated ones of the
/// same shape: offset tanh + 1/2, scales 4 sigmoid, correlation tanh, colours sigmoid, weight 64
/// sigmoid. float32 or float64, any device, differentiable. Throws UsageError for another shape or
/// dtype, a gain or limit that is not above 0 and a bias that is not finite.
at::Tensor activate(const at::Tensor& raw, const Activation& activation = {});

/// Whose splats a tile draws: its own, or those of its eight neighbours too (3 x 3). Beyond the
/// grid there are none.
enum class Sharing { kOwn, kNeighbours };

/// "own" or "3x3"; throws UsageError for anything else.
Sharing sharing_from_name(const std::string& name);
std::string name_of(Sharing sharing);

struct Form {
  Kernel kernel = Kernel::kCosine;
  Sharing sharing = Sharing::kOwn;
  /// Pixels along a tile's side, >= 1. Pixel (i, j) of a tile is at ((j + 1/2), (i + 1/2)) / tile.
  std::int64_t tile = 8;
};

struct Grid {
  std::int64_t rows, columns;
};

/// The tiles of a picture. Throws UsageError for sides that are no multiple of the tile.
Grid grid_of(std::int64_t height, std::int64_t width, std::int64_t tile);

/// The implementations. `automatic` takes the fastest that serves device and dtype: fused on the
/// CPU and cuda on a GPU for float32, else eager. `eager` is the transcription in tensor
/// operations: float32 of it needs weights of at most 70.
enum class Mode { automatic, eager, fused, cuda };

/// "auto", "eager", "fused" or "cuda"; throws UsageError for anything else.
Mode mode_from_name(const std::string& name);

/// "exponential", "cosine", "sharp" or "sharp-post"; throws UsageError for anything else.
Kernel kernel_from_name(const std::string& name);
std::string name_of(Kernel kernel);

/// Draws activated splats [B, rows, columns, S, 9] as pictures [B, 3, rows * tile, columns * tile]:
///   2 (sum g K c) / (sum g + 1e-6) - 1
/// over the splats of a tile (and its neighbours), in about [-1, 1]; negative lobes, and colours
/// beyond 1, lead further. Differentiable once with respect to the splats. float32 (float64: eager
/// only); the same bits for any number of threads.
/// Throws UsageError for another shape or dtype, sides of more than 65536 pixels and, on the CPU,
/// numbers that are not finite, are beyond +-1e6, or a correlation beyond +-1. On CUDA such a
/// splat makes the pixels that it reaches NaN.
at::Tensor render(const at::Tensor& splats, const Form& form, Mode mode = Mode::automatic);

}  // namespace neurosplat::patches
