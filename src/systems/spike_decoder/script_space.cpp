#include "systems/spike_decoder/script_space.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/scripted_network.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kLargestSide = 4096, kMostLatents = 1 << 20;

at::Tensor call(const ScriptedNetwork& network, const std::string& method,
                const std::vector<at::Tensor>& inputs, const std::vector<std::int64_t>& expected) {
  const auto given = network.call(method, inputs);
  if (given.size() != 1 || !given[0].defined() || !given[0].is_floating_point() ||
      given[0].sizes() != at::IntArrayRef(expected)) {
    throw Error(text(network.name(), ": expected floating-point ", at::IntArrayRef(expected),
                     " from ", method, ", got ",
                     given.size() == 1 && given[0].defined()
                         ? text(given[0].scalar_type(), ' ', given[0].sizes())
                         : "something else"));
  }
  return given[0];
}

std::int64_t side_of(const ScriptedNetwork& network) {
  const auto side = network.integer("side");
  if (side && *side >= 1 && *side <= kLargestSide) return *side;
  throw Error(text(network.name(), ": expected an attribute side, 1 to ", kLargestSide,
                   " pixels, got ", side ? std::to_string(*side) : "none"));
}

/// How many numbers it gives for a grey picture.
std::int64_t latents_of_one(const ScriptedNetwork& network, std::int64_t side) {
  const auto given = network.call("encode", {at::full({1, 3, side, side}, 0.5F)});
  if (given.size() != 1 || !given[0].defined() || given[0].dim() != 2 || given[0].size(0) != 1 ||
      given[0].size(1) < 1 || given[0].size(1) > kMostLatents) {
    throw Error(
        text(network.name(), ": expected [1, D] from encode of one picture, D 1 to ", kMostLatents,
             ", got ",
             given.size() == 1 && given[0].defined() ? text(given[0].sizes()) : "something else"));
  }
  return given[0].size(1);
}

at::Tensor groups_of(const ScriptedNetwork& network, std::int64_t latents) {
  const auto group = network.tensor("group");
  if (!group) return at::zeros({latents}, at::kLong);
  if (group->scalar_type() == at::kLong && group->sizes() == at::IntArrayRef({latents})) {
    return *group;
  }
  throw Error(text(network.name(), ": expected a tensor group, int64 [", latents, "], got ",
                   group->scalar_type(), ' ', group->sizes()));
}

}  // namespace

LatentSpace script_space(const std::filesystem::path& file) {
  const ScriptedNetwork network(file, at::kCPU, {"encode", "decode"});
  const auto side = side_of(network);
  const auto latents = latents_of_one(network, side);
  return {"script",
          file,
          side,
          groups_of(network, latents),
          [network, latents](const at::Tensor& pictures) {
            return call(network, "encode", {pictures}, {pictures.size(0), latents});
          },
          [network, side](const at::Tensor& rows) {
            return call(network, "decode", {rows}, {rows.size(0), 3, side, side}).clamp(0, 1);
          }};
}

PictureRefiner script_refiner(const std::filesystem::path& file) {
  const ScriptedNetwork network(file, at::kCPU, {"refine"});
  const auto side = side_of(network);
  return [network, side](const at::Tensor& pictures, double strength) {
    const auto small = resized(pictures, side);
    const auto refined =
        call(network, "refine", {small, at::full({}, strength, at::kFloat)}, small.sizes().vec());
    return resized(refined.to(at::kFloat), pictures.size(2)).clamp(0, 1);
  };
}

}  // namespace neurosplat
