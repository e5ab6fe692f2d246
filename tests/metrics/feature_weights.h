#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "neurosplat/io/safetensors.h"

namespace neurosplat::testing {

/// One block of EfficientNet-Lite0, as the published state dict numbers them.
struct FeatureBlock {
  std::int64_t inputs, wide, outputs, kernel, stride;
};

inline constexpr std::array<FeatureBlock, 16> kFeatureBlocks = {{{32, 32, 16, 3, 1},
                                                                 {16, 96, 24, 3, 2},
                                                                 {24, 144, 24, 3, 1},
                                                                 {24, 144, 40, 5, 2},
                                                                 {40, 240, 40, 5, 1},
                                                                 {40, 240, 80, 3, 2},
                                                                 {80, 480, 80, 3, 1},
                                                                 {80, 480, 80, 3, 1},
                                                                 {80, 480, 112, 5, 1},
                                                                 {112, 672, 112, 5, 1},
                                                                 {112, 672, 112, 5, 1},
                                                                 {112, 672, 192, 5, 2},
                                                                 {192, 1152, 192, 5, 1},
                                                                 {192, 1152, 192, 5, 1},
                                                                 {192, 1152, 192, 5, 1},
                                                                 {192, 1152, 320, 3, 1}}};

/// A state dict of random weights that keep activations of the order of 1, always the same.
TensorFile random_feature_weights();

}  // namespace neurosplat::testing
