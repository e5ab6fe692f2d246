#include <ATen/ATen.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/patches/patches.h"
#include "renderer/patches/checks.h"

namespace neurosplat::patches {

at::Tensor activate(const at::Tensor& raw, const Activation& activation) {
  check_tensor(raw);
  if (!(activation.depth_gain > 0 && std::isfinite(activation.depth_gain)) ||
      !std::isfinite(activation.width_bias) ||
      !(activation.colour_limit > 0 && std::isfinite(activation.colour_limit))) {
    throw UsageError(text("activation: expected a depth gain and a colour limit above 0 and a ",
                          "finite width bias, got ", activation.depth_gain, ", ",
                          activation.colour_limit, " and ", activation.width_bias));
  }
  const auto part = [&](int first, int count) { return raw.narrow(4, first, count); };
  return at::cat(
      {part(kOffsetX, 2).tanh() + 0.5, 4 * (part(kScaleX, 2) + activation.width_bias).sigmoid(),
       part(kCorrelation, 1).tanh(), activation.colour_limit * part(kRed, 3).sigmoid(),
       64 * (activation.depth_gain * part(kWeight, 1)).sigmoid()},
      4);
}

}  // namespace neurosplat::patches
