#include "metrics/scripted_features.h"

#include <ATen/core/Tensor.h>

#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/scripted_network.h"

namespace neurosplat {
namespace {

void check_maps(const std::string& file, const std::vector<at::Tensor>& maps, std::int64_t count) {
  const auto refuse = [&](const std::string& got) {
    throw Error(text(file, ": expected maps [", count,
                     ", C, ...], floating-point, one or a tuple, ", "got ", got,
                     ": script a network that gives those"));
  };
  if (maps.empty()) refuse("something else");
  for (const auto& map : maps) {
    if (!map.defined() || map.dim() < 2 || map.size(0) != count || map.numel() == 0 ||
        !map.is_floating_point())
      refuse(map.defined() ? text(map.scalar_type(), " ", map.sizes()) : "nothing");
  }
}

}  // namespace

FeatureMaps scripted_features(const std::filesystem::path& file, const at::Device& device) {
  return [network = ScriptedNetwork(file, device)](const at::Tensor& pictures) {
    auto maps = network.call("forward", {pictures});
    check_maps(network.name(), maps, pictures.size(0));
    return maps;
  };
}

}  // namespace neurosplat
