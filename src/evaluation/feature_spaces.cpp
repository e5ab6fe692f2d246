#include "neurosplat/evaluation/feature_spaces.h"

#include <ATen/ATen.h>

#include <utility>

#include "neurosplat/metrics/feature_network.h"
#include "neurosplat/metrics/random_features.h"

namespace neurosplat {

FeatureSpace lite0_space(const at::Device& device) {
  return {"lite0",
          [network = FeatureNetwork(feature_network_file(), device)](const at::Tensor& pictures) {
            return network.pooled(network.prepare(pictures));
          }};
}

FeatureSpace random_space(std::uint64_t seed, const at::Device& device) {
  return {"random", RandomFeatures(seed, device)};
}

FeatureSpace rotation_space(RotationClassifier classifier) {
  return {"rotation", [classifier = std::move(classifier)](const at::Tensor& pictures) {
            return classifier.features(pictures);
          }};
}

}  // namespace neurosplat
