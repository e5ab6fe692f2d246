#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "neurosplat/renderer/patches/patches.h"

namespace neurosplat::testing {

/// One batch of pictures to draw. Every patch renderer runs through the same list.
struct PatchCase {
  std::string name;
  std::int64_t batch, rows, columns, splats;
  patches::Form form;
  patches::Activation activation = {};
  /// Standard deviation of the raw numbers.
  double spread = 1.0;
};

inline void PrintTo(const PatchCase& one, std::ostream* out) {
  *out << one.name;
}

inline const std::vector<PatchCase>& patch_cases() {
  using patches::Kernel;
  constexpr auto kOwn = patches::Sharing::kOwn, kAll = patches::Sharing::kNeighbours;
  constexpr auto kExponential = Kernel::kExponential, kCosine = Kernel::kCosine,
                 kSharp = Kernel::kSharp, kPost = Kernel::kSharpPost;
  const patches::Activation gentle{0.125, 0, 1}, narrow{1, 3, 1}, broad{1, -3, 1},
      recipe{0.125, -1.4, 1.5};
  static const std::vector<PatchCase> cases = {
      {"one_splat", 4, 1, 1, 1, {kCosine, kOwn, 8}},
      {"one_tile_shared", 2, 1, 1, 16, {kCosine, kAll, 8}},
      {"exponential_own", 2, 3, 4, 16, {kExponential, kOwn, 8}},
      {"exponential_shared", 1, 4, 3, 16, {kExponential, kAll, 8}, gentle},
      {"cosine_own", 2, 3, 4, 16, {kCosine, kOwn, 8}},
      {"cosine_shared", 2, 4, 5, 16, {kCosine, kAll, 8}},
      {"sharp_own", 2, 3, 4, 16, {kSharp, kOwn, 8}, gentle},
      {"sharp_shared", 1, 4, 5, 16, {kSharp, kAll, 8}, gentle},
      {"post_own", 2, 3, 4, 16, {kPost, kOwn, 8}, gentle},
      {"post_shared", 1, 4, 5, 16, {kPost, kAll, 8}, gentle},
      {"recipe", 1, 4, 4, 16, {kCosine, kAll, 8}, recipe},
      {"sharp_recipe", 1, 4, 4, 16, {kSharp, kAll, 8}, {0.125, 0, 1}},
      {"tile_of_one_pixel", 2, 6, 7, 16, {kCosine, kAll, 1}, gentle},
      {"tile_of_three", 1, 5, 4, 9, {kExponential, kAll, 3}, gentle},
      {"tile_of_nine", 1, 2, 3, 17, {kCosine, kAll, 9}, gentle},
      {"tile_of_33", 1, 1, 2, 16, {kSharp, kAll, 33}, gentle},
      {"large_tile", 1, 2, 2, 16, {kCosine, kAll, 64}, gentle},
      {"one_row", 1, 1, 6, 5, {kPost, kAll, 8}, gentle},
      {"one_column", 1, 6, 1, 5, {kSharp, kAll, 8}, gentle},
      {"many_splats", 1, 2, 2, 70, {kCosine, kAll, 8}, gentle},
      {"narrow", 1, 3, 3, 16, {kCosine, kAll, 8}, narrow},
      {"broad", 1, 3, 3, 16, {kCosine, kAll, 8}, broad},
      {"broad_sharp", 1, 3, 3, 16, {kSharp, kAll, 8}, broad},
      {"weights_at_both_ends", 1, 3, 3, 16, {kExponential, kAll, 8}, {30, 0, 1}},
      {"saturated", 1, 3, 3, 16, {kCosine, kAll, 8}, {}, 5.0},
      {"bright", 1, 3, 3, 16, {kCosine, kAll, 8}, {0.125, 0, 8}},
  };
  return cases;
}

inline const std::vector<PatchCase>& slow_patch_cases() {
  static const std::vector<PatchCase> cases = {
      {"model_size",
       8,
       8,
       8,
       16,
       {patches::Kernel::kCosine, patches::Sharing::kNeighbours, 8},
       {0.125, 0, 1}},
  };
  return cases;
}

}  // namespace neurosplat::testing
