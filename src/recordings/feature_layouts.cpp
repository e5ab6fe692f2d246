#include "neurosplat/recordings/feature_layouts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/npy_file.h"

namespace neurosplat {
namespace {

struct Known {
  FeatureLayout layout;
  const char* name;
  std::vector<std::int64_t> row;  ///< shape of one picture's
};

const std::vector<Known>& known() {
  static const std::vector<Known> all = {
      {FeatureLayout::kVdvaeLatents, "VD-VAE latents", {kVdvaeLatents}},
      {FeatureLayout::kClipVision, "CLIP vision", {257, 768}},
      {FeatureLayout::kClipText, "CLIP text", {77, 768}}};
  return all;
}

}  // namespace

std::array<std::int64_t, kVdvaeLevels> vdvae_level_sizes() {
  std::array<std::int64_t, kVdvaeLevels> sizes{};
  auto* next = sizes.data();
  for (const auto& [count, size] :
       {std::pair{2, 16}, {4, 256}, {8, 1024}, {16, 4096}, {1, 16384}}) {
    next = std::fill_n(next, count, size);
  }
  return sizes;
}

std::string name_of(FeatureLayout layout) {
  for (const auto& one : known()) {
    if (one.layout == layout) return one.name;
  }
  throw UsageError("features: expected a known layout");
}

PublishedFeatures read_picture_features(const std::filesystem::path& file) {
  const auto numbers = read_npy(file);
  for (const auto& [layout, name, row] : known()) {
    if (!numbers.is_floating_point() || numbers.dim() != std::ssize(row) + 1 ||
        numbers.size(0) < 1 || numbers.sizes().slice(1) != at::IntArrayRef(row)) {
      continue;
    }
    auto values = numbers.to(at::kFloat);
    if (!values.isfinite().all().item<bool>()) {
      throw Error(text(file.string(), ": expected finite ", name, ", got others"));
    }
    return {layout, values};
  }
  throw Error(text(file.string(),
                   ": expected floats [N, 91168] (VD-VAE latents), [N, 257, 768] (CLIP vision) or "
                   "[N, 77, 768] (CLIP text), got ",
                   numbers.scalar_type(), ' ', numbers.sizes()));
}

}  // namespace neurosplat
