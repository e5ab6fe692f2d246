#include "neurosplat/systems/patch_flow/patch_flow.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/picture_descriptors.h"
#include "neurosplat/training/layers.h"
#include "neurosplat/training/option_range.h"
#include "systems/patch_flow/networks.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kColours = 3;

void expect_range(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return;
  throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
}

bool is_square(std::int64_t number) {
  const auto root = static_cast<std::int64_t>(std::lround(std::sqrt(number)));
  return root * root == number;
}

void check_sizes(const PatchFlowArchitecture& sizes) {
  expect_range("patch", sizes.patch, 2, 64);
  expect_range("image_size", sizes.image_size, sizes.patch, 1024);
  expect_range("width", sizes.width, 8, 4096);
  expect_range("depth", sizes.depth, 1, 64);
  expect_range("heads", sizes.heads, 1, sizes.width);
  expect_range("hidden", sizes.hidden, 1, 65536);
  expect_range("splats", sizes.splats, 1, 256);
  if (sizes.image_size % sizes.patch != 0) {
    throw UsageError(text("image_size: expected a multiple of the patch, ", sizes.patch,
                          " pixels, got ", sizes.image_size));
  }
  if (sizes.patch % 2 != 0) {
    throw UsageError(text("patch: expected an even number of pixels, got ", sizes.patch));
  }
  if (sizes.width % (4 * sizes.heads) != 0) {
    throw UsageError(text("width: expected a multiple of 4 channels for each of the ", sizes.heads,
                          " heads, got ", sizes.width));
  }
  if (!is_square(sizes.splats)) {
    throw UsageError(text("splats: expected a square number, got ", sizes.splats));
  }
}

void check_conditions(const PatchFlowArchitecture& sizes) {
  for (const auto& [branch, name] :
       {std::pair{"vision", sizes.vision}, std::pair{"semantic", sizes.semantic}}) {
    check_option(branch, OneOf{condition_names()}, name);
    if (sizes.network == "author" && name != "none") {
      throw UsageError(text(branch, ": expected none, the author's network takes no conditions, ",
                            "got '", name, "': use the preset small or improved"));
    }
  }
}

std::int64_t size_of(const std::string& condition) {
  return condition == "none" ? 0 : picture_descriptor_size(condition);
}

/// A condition as the network takes it.
at::Tensor expected_rows(const char* branch, const at::Tensor& rows, std::int64_t numbers,
                         const at::Tensor& noisy) {
  if (!rows.defined()) return {};
  if (numbers == 0) {
    throw UsageError(text(branch, ": expected no condition, got ", rows.sizes(),
                          ": the model was trained without one"));
  }
  if (rows.sizes() != at::IntArrayRef({noisy.size(0), numbers})) {
    throw UsageError(text(branch, ": expected [", noisy.size(0), ", ", numbers, "], got ",
                          rows.sizes(), ": give a row of describe() for each picture"));
  }
  return rows.to(noisy.device(), at::kFloat);
}

}  // namespace

std::vector<std::string> condition_names() {
  auto names = picture_descriptor_names();
  names.insert(names.begin(), "none");
  return names;
}

std::int64_t PatchFlowArchitecture::vision_size() const {
  return size_of(vision);
}

std::int64_t PatchFlowArchitecture::semantic_size() const {
  return size_of(semantic);
}

std::int64_t PatchFlowArchitecture::numbers() const {
  return head == "splats" ? splats * patches::kNumbers : kColours * patch * patch;
}

void check(const PatchFlowArchitecture& sizes) {
  if (sizes.network != "author" && sizes.network != "modulated") {
    throw UsageError(text("network: expected author or modulated, got '", sizes.network, "'"));
  }
  if (sizes.head != "splats" && sizes.head != "pixels") {
    throw UsageError(text("head: expected splats or pixels, got '", sizes.head, "'"));
  }
  check_sizes(sizes);
  check_conditions(sizes);
  if (!(sizes.depth_gain > 0 && sizes.depth_gain <= 1)) {
    throw UsageError(text("depth_gain: expected above 0 to 1, got ", sizes.depth_gain));
  }
  if (!(sizes.colour_limit >= 1 && sizes.colour_limit <= 4)) {
    throw UsageError(text("colour_limit: expected 1 to 4, got ", sizes.colour_limit));
  }
}

std::vector<std::string> patch_flow_presets() {
  return {"small", "improved", "author"};
}

PatchFlowArchitecture patch_flow_preset(const std::string& name, const std::string& head) {
  PatchFlowArchitecture sizes{.head = head, .depth_gain = 0.125};
  if (name == "small") return sizes;
  if (name == "improved") {
    sizes.width = 512;
    sizes.depth = 12;
    sizes.heads = 8;
    sizes.hidden = 1024;
    return sizes;
  }
  if (name == "author") {
    return {.network = "author",
            .width = 512,
            .depth = 16,
            .heads = 8,
            .head = head,
            .kernel = patches::Kernel::kSharp,
            .sharing = patches::Sharing::kNeighbours};
  }
  throw UsageError(text("preset: expected small, improved or author, got '", name, "'"));
}

PatchFlow::PatchFlow(const PatchFlowArchitecture& architecture, std::uint64_t seed)
    : architecture_(architecture) {
  check(architecture);
  network_ = architecture.network == "author" ? make_author_network(architecture, seed)
                                              : make_modulated_network(architecture, seed);
}

Conditions PatchFlow::weighted(const Conditions& conditions, const at::Tensor& noisy) const {
  if (conditions.none()) return {};
  Conditions own{
      .vision = expected_rows("vision", conditions.vision, architecture_.vision_size(), noisy),
      .semantic =
          expected_rows("semantic", conditions.semantic, architecture_.semantic_size(), noisy)};
  if (conditions.weights.defined()) {
    if (conditions.weights.sizes() != at::IntArrayRef({noisy.size(0), 2})) {
      throw UsageError(text("weights of conditions: expected [", noisy.size(0), ", 2], got ",
                            conditions.weights.sizes()));
    }
    own.weights = conditions.weights.to(noisy.device(), at::kFloat);
    return own;
  }
  const double share = conditions.vision_share;
  if (!(share >= 0 && share <= 1)) {
    throw UsageError(text("vision_share: expected 0 to 1, got ", share));
  }
  const bool both = own.vision.defined() && own.semantic.defined();
  own.weights = at::tensor({both ? share : 1.0, both ? 1 - share : 1.0},
                           at::TensorOptions(noisy.device()).dtype(at::kFloat))
                    .expand({noisy.size(0), 2});
  return own;
}

at::Tensor PatchFlow::predict(const at::Tensor& noisy, const at::Tensor& times,
                              const Conditions& conditions) const {
  const auto size = architecture_.image_size, grid = architecture_.grid();
  if (noisy.dim() != 4 || noisy.size(1) != kColours || noisy.size(2) != size ||
      noisy.size(3) != size) {
    throw UsageError(
        text("pictures: expected [B, 3, ", size, ", ", size, "], got ", noisy.sizes()));
  }
  if (times.dim() != 1 || times.size(0) != noisy.size(0)) {
    throw UsageError(text("times: expected [", noisy.size(0), "], got ", times.sizes()));
  }
  return network_->forward(noisy, times, weighted(conditions, noisy)).unflatten(1, {grid, grid});
}

at::Tensor PatchFlow::splats(const at::Tensor& predicted) const {
  const auto& sizes = architecture_;
  if (sizes.head != "splats") {
    throw UsageError("model: expected one that gives splats, it gives pixels");
  }
  return patches::activate(predicted.to(at::kFloat).unflatten(3, {sizes.splats, patches::kNumbers}),
                           {.depth_gain = sizes.depth_gain, .colour_limit = sizes.colour_limit});
}

at::Tensor PatchFlow::draw(const at::Tensor& predicted, std::int64_t tile) const {
  const auto& sizes = architecture_;
  if (tile == 0) tile = sizes.patch;
  if (sizes.head == "pixels") {
    if (tile != sizes.patch) {
      throw UsageError(text("size: expected ", sizes.image_size,
                            " pixels, the model gives pixels, which have one size: sample a model "
                            "with splats for others"));
    }
    return at::pixel_shuffle(predicted.to(at::kFloat).permute({0, 3, 1, 2}), sizes.patch);
  }
  return patches::render(splats(predicted),
                         {.kernel = sizes.kernel, .sharing = sizes.sharing, .tile = tile});
}

at::Tensor PatchFlow::clean(const at::Tensor& noisy, const at::Tensor& times,
                            const Conditions& conditions) const {
  return draw(predict(noisy, times, conditions));
}

void PatchFlow::to(const at::Device& device) const {
  network_->to(device);
}

at::Device PatchFlow::device() const {
  return network_->parameters().front().device();
}

std::int64_t PatchFlow::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : network_->parameters()) count += parameter.numel();
  return count;
}

std::map<std::string, at::Tensor> PatchFlow::state() const {
  return state_of(*network_);
}

void PatchFlow::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  neurosplat::load_state(*network_, tensors, "patch flow");
}

}  // namespace neurosplat
