#include "neurosplat/metrics/random_features.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

struct Layer {
  std::int64_t inputs, outputs, kernel;
};
constexpr std::array<Layer, 3> kLayers = {{{3, 32, 5}, {32, 64, 3}, {64, 128, 3}}};
constexpr std::int64_t kPicturesAtOnce = 64, kSmallestSide = 8;

void check_pictures(const at::Tensor& pictures) {
  if (pictures.defined() && pictures.is_floating_point() && pictures.dim() == 4 &&
      pictures.size(0) > 0 && pictures.size(1) == 3 && pictures.size(2) >= kSmallestSide &&
      pictures.size(3) >= kSmallestSide)
    return;
  throw Error(
      text("expected pictures [B, 3, H, W], floating-point, ", kSmallestSide,
           " pixels a side at least, got ",
           pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes()) : "nothing",
           ": give at least one colour picture"));
}

}  // namespace

RandomFeatures::RandomFeatures(std::uint64_t seed, const at::Device& device) {
  const c10::NoGradGuard no_grad;
  const auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& layer : kLayers) {
    const auto inputs = static_cast<double>(layer.inputs * layer.kernel * layer.kernel);
    const auto normal = at::randn({layer.outputs, layer.inputs, layer.kernel, layer.kernel},
                                  generator, at::TensorOptions(at::kDouble));
    weights_.push_back((normal * std::sqrt(2.0 / inputs)).to(device, at::kFloat));
  }
}

at::Tensor RandomFeatures::operator()(const at::Tensor& pictures) const {
  const c10::NoGradGuard no_grad;
  check_pictures(pictures);
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < pictures.size(0); first += kPicturesAtOnce) {
    const auto count = std::min(kPicturesAtOnce, pictures.size(0) - first);
    auto maps = pictures.narrow(0, first, count).to(weights_[0].device(), at::kFloat) * 2.0 - 1.0;
    std::vector<at::Tensor> features;
    for (const auto& weight : weights_) {
      maps = at::relu(
          at::conv2d(maps, weight, {}, at::IntArrayRef(2), at::IntArrayRef(weight.size(-1) / 2)));
      features.push_back(maps.mean({2, 3}));
      features.push_back(maps.std(at::IntArrayRef({2, 3}), /*unbiased=*/false));
    }
    parts.push_back(at::cat(features, 1));
  }
  return at::cat(parts);
}

}  // namespace neurosplat
