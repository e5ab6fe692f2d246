#include "neurosplat/metrics/picture_descriptors.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/feature_network.h"
#include "neurosplat/metrics/random_features.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kThumbnailSide = 8, kColours = 3;

void check_pictures(const at::Tensor& pictures) {
  if (pictures.defined() && pictures.is_floating_point() && pictures.dim() == 4 &&
      pictures.size(0) > 0 && pictures.size(1) == kColours && pictures.size(2) >= kThumbnailSide &&
      pictures.size(3) >= kThumbnailSide)
    return;
  throw Error(
      text("expected pictures [B, 3, H, W], floating-point, ", kThumbnailSide,
           " pixels a side at least, got ",
           pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes()) : "nothing",
           ": give at least one colour picture"));
}

at::Tensor thumbnail(const at::Tensor& pictures) {
  return at::adaptive_avg_pool2d(pictures, {kThumbnailSide, kThumbnailSide}).flatten(1);
}

}  // namespace

std::vector<std::string> picture_descriptor_names() {
  return {"thumbnail", "statistics", "lite0"};
}

std::int64_t picture_descriptor_size(const std::string& name) {
  if (name == "thumbnail") return kColours * kThumbnailSide * kThumbnailSide;
  if (name == "statistics") return RandomFeatures::kFeatures;
  if (name == "lite0") return FeatureNetwork::kFeatures;
  throw UsageError(
      text("picture descriptor: expected thumbnail, statistics or lite0, got '", name, "'"));
}

PictureDescriptor::PictureDescriptor(const std::string& name, const at::Device& device)
    : name_(name), device_(device) {
  picture_descriptor_size(name);
  if (name == "thumbnail") {
    describe_ = thumbnail;
  } else if (name == "statistics") {
    describe_ = RandomFeatures(0, device);
  } else {
    describe_ = [network =
                     FeatureNetwork(feature_network_file(), device)](const at::Tensor& pictures) {
      return network.pooled(network.prepare(pictures));
    };
  }
}

at::Tensor PictureDescriptor::operator()(const at::Tensor& pictures) const {
  const c10::NoGradGuard no_gradient;
  check_pictures(pictures);
  return describe_(pictures.to(device_, at::kFloat));
}

}  // namespace neurosplat
