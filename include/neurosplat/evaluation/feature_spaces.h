#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "neurosplat/evaluation/rotation_classifier.h"
#include "neurosplat/evaluation/sample_scores.h"

namespace neurosplat {

/// What pictures are compared in, under a name that keys of metrics.json carry.
struct FeatureSpace {
  std::string name;
  PictureFeatures features;
};

/// "lite0": the pooled features of EfficientNet-Lite0. Throws Error without its weights
/// (feature_network_file()).
FeatureSpace lite0_space(const at::Device& device);

/// "random": RandomFeatures.
FeatureSpace random_space(std::uint64_t seed, const at::Device& device);

/// "rotation": a classifier that was trained on these pictures.
FeatureSpace rotation_space(RotationClassifier classifier);

}  // namespace neurosplat
