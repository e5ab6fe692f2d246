#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/recordings/feature_layouts.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"
#include "neurosplat/systems/hierarchical_vae/model_file.h"
#include "neurosplat/systems/spike_decoder/latent_space.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/stored_model.h"
#include "systems/spike_decoder/script_space.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kBatch = 32, kKeptPixels = 16;
/// Finer latents of the hierarchical VAE than so many places a side are left to its prior: there
/// are tens of thousands, and responses say nothing of them.
constexpr std::int64_t kFinest = 16;

LatentSpace splat_vae_space(const std::filesystem::path& file) {
  const auto model = load_splat_vae(file);
  return {"splat-vae",
          file,
          model.architecture().image_size,
          at::zeros({model.architecture().latent}, at::kLong),
          [model](const at::Tensor& pictures) { return model.latents_of(pictures); },
          [model](const at::Tensor& latents) { return model.draw(model.decode(latents)); }};
}

LatentSpace hierarchical_space(const std::filesystem::path& file) {
  const auto model = load_hierarchical_vae(file).model;
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<std::int64_t> sizes;
  std::vector<at::Tensor> groups;
  for (std::size_t i = 0; i < model.blocks_up_to(kFinest); ++i) {
    const auto& level = model.levels()[i];
    shapes.push_back({-1, level.channels, level.side, level.side});
    sizes.push_back(level.channels * level.side * level.side);
    groups.push_back(at::full({sizes.back()}, std::ssize(sizes), at::kLong));
  }
  const auto encode = [model, kept = sizes.size()](const at::Tensor& pictures) {
    auto latents = model.encode(pictures);
    latents.resize(kept);
    for (auto& block : latents) block = block.flatten(1);
    return at::cat(latents, 1);
  };
  const auto decode = [model, sizes, shapes](const at::Tensor& latents) {
    auto blocks = at::split_with_sizes(latents, sizes, 1);
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = blocks[i].reshape(shapes[i]);
    return model.decode(blocks);
  };
  return {"hierarchical-vae", file,   model.architecture().image_size,
          at::cat(groups),    encode, decode};
}

LatentSpace feature_space(const std::filesystem::path& file) {
  const auto features = read_picture_features(file);
  const auto rows = features.values.flatten(1);
  auto group = at::zeros({rows.size(1)}, at::kLong);
  if (features.layout == FeatureLayout::kVdvaeLatents) {
    const auto sizes = vdvae_level_sizes();
    const auto levels =
        at::tensor(std::vector<std::int64_t>(sizes.begin(), sizes.end()), at::kLong);
    group = at::arange(levels.size(0), at::kLong).repeat_interleave(levels);
  }
  return {.name = name_of(features.layout),
          .file = file,
          .side = 0,
          .group = group,
          .encode = {},
          .decode = {},
          .rows = rows};
}

at::Tensor unit_floats(const at::Tensor& pictures) {
  return pictures.scalar_type() == at::kByte ? pictures.to(at::kFloat).div(255)
                                             : pictures.to(at::kFloat);
}

template <class Convert>
at::Tensor in_batches(const at::Tensor& rows, const Convert& convert) {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> parts;
  for (const auto& part : rows.split(kBatch)) parts.push_back(convert(part));
  return at::cat(parts);
}

/// Sixteenths of the picture: receptive fields see some of them, and what they do not see wants a
/// larger penalty.
at::Tensor sixteenths(std::int64_t kept) {
  const auto place = at::arange(kept, at::kLong).mul(4).div(kept, "floor");
  return (4 * place.unsqueeze(1) + place).flatten().repeat(3);
}

}  // namespace

LatentSpace pixel_space(std::int64_t side, std::int64_t kept) {
  if (kept < 1 || side < kept) {
    throw UsageError(text("pixels: expected 1 to ", side, " a side, got ", kept));
  }
  return {"pixels",
          {},
          side,
          sixteenths(kept),
          [kept](const at::Tensor& pictures) { return resized(pictures, kept).flatten(1); },
          [kept, side](const at::Tensor& latents) {
            return resized(latents.view({-1, 3, kept, kept}), side).clamp(0, 1);
          }};
}

LatentSpace open_latent_space(const std::string& name, std::int64_t side) {
  constexpr std::string_view kScript = "script:", kFeatures = "features:";
  if (name == "pixels") return pixel_space(side, std::min(side, kKeptPixels));
  if (name.starts_with(kFeatures)) return feature_space(name.substr(kFeatures.size()));
  if (name.starts_with(kScript)) return script_space(name.substr(kScript.size()));
  const auto stored = read_stored_model(name, kModelFileNames);
  const auto kind = stored.metadata.find("model");
  if (kind != stored.metadata.end() && kind->second == kHierarchicalVaeKind) {
    return hierarchical_space(stored.file);
  }
  return splat_vae_space(stored.file);
}

at::Tensor resized(const at::Tensor& pictures, std::int64_t side) {
  if (pictures.size(2) == side && pictures.size(3) == side) return pictures;
  return at::_upsample_bilinear2d_aa(pictures, {side, side}, /*align_corners=*/false);
}

at::Tensor latents_of(const LatentSpace& space, const at::Tensor& pictures) {
  if (space.rows.defined()) {
    if (space.rows.size(0) == pictures.size(0)) return space.rows;
    throw Error(text(space.file.string(), ": expected features of ", pictures.size(0),
                     " pictures, got ", space.rows.size(0)));
  }
  return in_batches(pictures, [&](const at::Tensor& part) {
    return space.encode(resized(unit_floats(part), space.side)).to(at::kFloat);
  });
}

at::Tensor pictures_of(const LatentSpace& space, const at::Tensor& latents, std::int64_t side) {
  return in_batches(latents, [&](const at::Tensor& part) {
    return resized(space.decode(part.to(at::kFloat)).to(at::kFloat), side).clamp(0, 1);
  });
}

}  // namespace neurosplat
