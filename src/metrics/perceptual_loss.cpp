#include "neurosplat/metrics/perceptual_loss.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>

#include "metrics/scripted_features.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/feature_network.h"

namespace neurosplat {
namespace {

/// Of EfficientNet-Lite0, at 1/2, 1/4, 1/8 and 1/16 of the pictures' size.
const std::vector<std::int64_t> kBlocks = {0, 2, 4, 10};
/// Keeps the slope finite where a place has no features at all.
constexpr double kSmallestSquare = 1e-10;

std::string described(const at::Tensor& tensor) {
  return tensor.defined() ? text(tensor.scalar_type(), " ", tensor.sizes(), " on ", tensor.device())
                          : "nothing";
}

void check_pair(const at::Tensor& pictures, const at::Tensor& target) {
  if (pictures.defined() && target.defined() && pictures.dim() == 4 && pictures.numel() > 0 &&
      pictures.sizes() == target.sizes() && pictures.is_floating_point() &&
      target.is_floating_point() && pictures.device() == target.device())
    return;
  throw Error(text("expected pictures and a target [B, 3, H, W], floating-point, alike, got ",
                   described(pictures), " and ", described(target), ": compare pictures in pairs"));
}

at::Tensor widened(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? tensor : tensor.to(at::kFloat);
}

/// Weights (1 4 6 4 1)/16 along one dimension, edges repeated. Sums of views: a convolution would
/// compute in bf16 under autocast.
at::Tensor blurred_along(const at::Tensor& pictures, std::int64_t dimension) {
  const auto length = pictures.size(dimension);
  const auto first = pictures.narrow(dimension, 0, 1);
  const auto last = pictures.narrow(dimension, length - 1, 1);
  const auto padded = at::cat({first, first, pictures, last, last}, dimension);
  const auto shifted = [&](std::int64_t by) { return padded.narrow(dimension, by, length); };
  return ((shifted(0) + shifted(4)) + 4.0 * (shifted(1) + shifted(3)) + 6.0 * shifted(2)) / 16.0;
}

at::Tensor every_second(const at::Tensor& pictures) {
  return pictures.slice(2, 0, pictures.size(2), 2).slice(3, 0, pictures.size(3), 2);
}

/// Mean absolute difference of neighbours along a dimension; 0 where there are none.
at::Tensor gradient_along(const at::Tensor& difference, std::int64_t dimension) {
  const auto length = difference.size(dimension);
  if (length < 2) return difference.sum() * 0.0;
  return (difference.narrow(dimension, 1, length - 1) - difference.narrow(dimension, 0, length - 1))
      .abs()
      .mean();
}

at::Tensor of_unit_length(const at::Tensor& map) {
  const auto wide = widened(map);
  return wide / (wide.square().sum(1, /*keepdim=*/true) + kSmallestSquare).sqrt();
}

PerceptualLoss::Term distance_of(FeatureMaps maps) {
  return [maps = std::move(maps)](const at::Tensor& pictures, const at::Tensor& target) {
    return feature_distance(maps(pictures), maps(target));
  };
}

PerceptualLoss::Term of_lite0(const at::Device& device) {
  const auto network = std::make_shared<FeatureNetwork>(feature_network_file(), device);
  return distance_of([network](const at::Tensor& pictures) {
    return network->block_maps(FeatureNetwork::scaled(pictures.to(at::kFloat)), kBlocks);
  });
}

}  // namespace

at::Tensor PerceptualLoss::operator()(const at::Tensor& pictures, const at::Tensor& target) const {
  check_pair(pictures, target);
  if (is_none()) return at::scalar_tensor(0.0, widened(pictures).options());
  return term_(widened(pictures), widened(target));
}

PerceptualLoss perceptual_loss(const std::string& name, const at::Device& device) {
  const std::string script = "script:";
  if (name == "none") return {};
  if (name == "pyramid") {
    return {name, [](const at::Tensor& pictures, const at::Tensor& target) {
              return pyramid_loss(pictures, target);
            }};
  }
  if (name == "lite0") return {name, of_lite0(device)};
  if (name.starts_with(script) && name.size() > script.size())
    return {name, distance_of(scripted_features(name.substr(script.size()), device))};
  throw UsageError(
      text("perceptual loss: expected none, pyramid, lite0 or script:FILE, got '", name, "'"));
}

at::Tensor pyramid_loss(const at::Tensor& pictures, const at::Tensor& target, std::int64_t levels) {
  check_pair(pictures, target);
  if (levels < 1) throw UsageError(text("levels of a pyramid: expected at least 1, got ", levels));
  // The pyramid is linear: that of the difference is the difference of both.
  auto difference = widened(pictures) - widened(target);
  auto loss = gradient_along(difference, 2) + gradient_along(difference, 3);
  for (std::int64_t level = 0; level < levels; ++level) {
    const auto blurred = blurred_along(blurred_along(difference, 2), 3);
    loss = loss + (difference - blurred).abs().mean();
    difference = every_second(blurred);
  }
  return loss + difference.abs().mean();
}

at::Tensor feature_distance(const std::vector<at::Tensor>& one,
                            const std::vector<at::Tensor>& other) {
  if (one.empty() || one.size() != other.size())
    throw Error(text("expected as many maps of pictures as of their target, got ", one.size(),
                     " and ", other.size(), ": make both with one network"));
  at::Tensor sum;
  for (std::size_t number = 0; number < one.size(); ++number) {
    if (one[number].sizes() != other[number].sizes())
      throw Error(text("expected maps of one shape, got ", one[number].sizes(), " and ",
                       other[number].sizes(), ": make both with one network"));
    const auto distance =
        (of_unit_length(one[number]) - of_unit_length(other[number])).square().sum(1).mean();
    sum = sum.defined() ? sum + distance : distance;
  }
  return sum / static_cast<double>(one.size());
}

}  // namespace neurosplat
