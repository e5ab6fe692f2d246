#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/training/layers.h"
#include "systems/hierarchical_vae/networks.h"

namespace neurosplat {
namespace {

void expect_range(const char* name, std::int64_t value, std::int64_t least, std::int64_t most,
                  std::int64_t multiple_of = 1) {
  if (value >= least && value <= most && value % multiple_of == 0) return;
  const auto rule = multiple_of > 1 ? text(", a multiple of ", multiple_of) : std::string();
  throw UsageError(text(name, ": expected ", least, " to ", most, rule, ", got ", value));
}

void expect_blocks(const char* name, const std::vector<std::int64_t>& blocks, std::int64_t least) {
  if (blocks.size() != kHierarchicalLevels) {
    throw UsageError(text(name, ": expected ", kHierarchicalLevels, " numbers, got ", blocks.size(),
                          ": give one for each level, coarse to fine"));
  }
  for (const auto count : blocks) expect_range(name, count, least, 64);
}

std::vector<LatentShape> levels_of(const HierarchicalVaeArchitecture& sizes) {
  std::vector<LatentShape> levels;
  const auto sides = sides_of(sizes);
  for (std::size_t level = 0; level < kHierarchicalLevels; ++level) {
    levels.insert(levels.end(), static_cast<std::size_t>(sizes.blocks[level]),
                  {sizes.latent_channels, sides[level]});
  }
  return levels;
}

void expect_pictures(const at::Tensor& pictures, std::int64_t side) {
  if (pictures.dim() == 4 && pictures.size(1) == 3 && pictures.size(2) == side &&
      pictures.size(3) == side && pictures.is_floating_point()) {
    return;
  }
  throw UsageError(text("pictures: expected floating-point [B, 3, ", side, ", ", side, "], got ",
                        pictures.scalar_type(), ' ', pictures.sizes()));
}

void expect_latents(const std::vector<at::Tensor>& latents,
                    const std::vector<LatentShape>& levels) {
  if (latents.empty() || latents.size() > levels.size()) {
    throw UsageError(
        text("latents: expected those of 1 to ", levels.size(), " blocks, got ", latents.size()));
  }
  const auto count = latents.front().dim() > 0 ? latents.front().size(0) : 0;
  for (std::size_t block = 0; block < latents.size(); ++block) {
    const auto [channels, side] = levels[block];
    if (latents[block].sizes() == at::IntArrayRef({count, channels, side, side})) continue;
    throw UsageError(text("latents of block ", block, ": expected [", count, ", ", channels, ", ",
                          side, ", ", side, "], got ", latents[block].sizes()));
  }
}

void expect_temperature(double temperature, const at::Generator& generator) {
  if (!(temperature >= 0 && std::isfinite(temperature))) {
    throw UsageError(text("temperature: expected a number of at least 0, got ", temperature));
  }
  if (temperature > 0 && !generator.defined()) {
    throw UsageError("temperature: expected a generator for one above 0, got none: pass one");
  }
}

/// Laid out as convolutions leave their maps: sums of two layouts are slow.
std::vector<std::int64_t> channels_last(const DiagonalNormal& normal) {
  const auto sizes = normal.mean.sizes();
  return {sizes[0], sizes[2], sizes[3], sizes[1]};
}

at::Tensor moved_by(const DiagonalNormal& normal, double temperature, const at::Tensor& noise) {
  const auto placed = noise.permute({0, 3, 1, 2}).to(normal.mean.options());
  return normal.mean + temperature * normal.log_deviation.exp() * placed;
}

at::Tensor drawn_from(const DiagonalNormal& normal, double temperature,
                      const at::Generator& generator) {
  if (temperature == 0) return normal.mean;
  return moved_by(normal, temperature, at::randn(channels_last(normal), generator, at::kFloat));
}

/// For this process's rows of a batch.
at::Tensor own_drawn_from(const DiagonalNormal& normal, const at::Generator& generator) {
  return moved_by(normal, 1, processes::normal_rows(channels_last(normal), generator));
}

/// `draw` draws latents of a block from their posterior.
template <class Draw>
HierarchicalElbo elbo_of(HierarchicalVaeNetworks& networks, const at::Tensor& given,
                         const Draw& draw) {
  const auto pictures = (given * 255).round().clamp(0, 255) / 255;
  HierarchicalElbo parts;
  const auto drawn =
      networks.decode(pictures.size(0), networks.activations(pictures),
                      [&](std::size_t, const DiagonalNormal& prior, const auto& posterior) {
                        const DiagonalNormal chosen = posterior();
                        parts.kl.push_back(kl_divergence(chosen, prior).sum({2, 3}));
                        return draw(chosen);
                      });
  parts.reconstruction =
      discretised_logistic_nats(pictures, drawn.mean, drawn.log_scale).sum({1, 2, 3});
  return parts;
}

at::Tensor unclamped_picture_of(const PictureDistribution& drawn) {
  return drawn.mean / 2 + 0.5;
}

at::Tensor picture_of(const PictureDistribution& drawn) {
  return unclamped_picture_of(drawn).clamp(0, 1);
}

}  // namespace

void check(const HierarchicalVaeArchitecture& sizes) {
  expect_range("image_size", sizes.image_size, 16, 512, 16);
  expect_range("width", sizes.width, 8, 1024, 8);
  expect_range("latent_channels", sizes.latent_channels, 1, 256);
  expect_blocks("blocks", sizes.blocks, 1);
  expect_blocks("encoder_blocks", sizes.encoder_blocks, 0);
}

HierarchicalVae::HierarchicalVae(const HierarchicalVaeArchitecture& architecture,
                                 std::uint64_t seed)
    : architecture_(architecture) {
  check(architecture);
  levels_ = levels_of(architecture);
  networks_ = std::make_shared<HierarchicalVaeNetworks>(architecture, seed);
}

std::size_t HierarchicalVae::blocks_up_to(std::int64_t side) const {
  return static_cast<std::size_t>(
      std::count_if(levels_.begin(), levels_.end(),
                    [&](const LatentShape& shape) { return shape.side <= side; }));
}

std::vector<at::Tensor> HierarchicalVae::encode(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  expect_pictures(pictures, architecture_.image_size);
  std::vector<at::Tensor> means(levels_.size());
  networks_->decode(pictures.size(0), networks_->activations(pictures),
                    [&](std::size_t block, const DiagonalNormal&, const auto& posterior) {
                      return means[block] = posterior().mean.contiguous();
                    });
  return means;
}

at::Tensor HierarchicalVae::decode(const std::vector<at::Tensor>& latents, double temperature,
                                   const at::Generator& generator) const {
  const at::NoGradGuard no_gradient;
  expect_latents(latents, levels_);
  expect_temperature(temperature, generator);
  const auto drawn =
      networks_->decode(latents.front().size(0), {},
                        [&](std::size_t block, const DiagonalNormal& prior, const auto&) {
                          if (block < latents.size())
                            return latents[block].to(networks_->weight().options());
                          return drawn_from(prior, temperature, generator);
                        });
  return picture_of(drawn).to(at::kFloat).contiguous();
}

at::Tensor HierarchicalVae::sample(std::int64_t count, double temperature,
                                   const at::Generator& generator) const {
  const at::NoGradGuard no_gradient;
  expect_range("count", count, 1, 1 << 20);
  expect_temperature(temperature, generator);
  const auto drawn =
      networks_->decode(count, {}, [&](std::size_t, const DiagonalNormal& prior, const auto&) {
        return drawn_from(prior, temperature, generator);
      });
  return picture_of(drawn).to(at::kFloat).contiguous();
}

HierarchicalElbo HierarchicalVae::elbo(const at::Tensor& pictures,
                                       const at::Generator& generator) const {
  expect_pictures(pictures, architecture_.image_size);
  return elbo_of(*networks_, pictures, [&](const DiagonalNormal& posterior) {
    return own_drawn_from(posterior, generator);
  });
}

CoarsePictures HierarchicalVae::coarse(const at::Tensor& pictures, std::size_t blocks,
                                       const at::Generator& generator) const {
  expect_pictures(pictures, architecture_.image_size);
  CoarsePictures found;
  const auto drawn =
      networks_->decode(pictures.size(0), networks_->activations(pictures),
                        [&](std::size_t block, const DiagonalNormal& prior, const auto& posterior) {
                          if (block >= blocks) return prior.mean;
                          const DiagonalNormal chosen = posterior();
                          found.kl.push_back(kl_divergence(chosen, prior).sum({2, 3}));
                          return own_drawn_from(chosen, generator);
                        });
  found.pictures = unclamped_picture_of(drawn);
  return found;
}

PictureBits HierarchicalVae::bits_per_dimension(const at::Tensor& pictures,
                                                const at::Generator& generator) const {
  const at::NoGradGuard no_gradient;
  expect_pictures(pictures, architecture_.image_size);
  const auto parts = elbo_of(*networks_, pictures, [&](const DiagonalNormal& posterior) {
    return drawn_from(posterior, 1, generator);
  });
  std::vector<at::Tensor> kl;
  for (const auto& block : parts.kl) kl.push_back(block.sum(1));
  const auto of_blocks = at::stack(kl, 1);
  const auto numbers = static_cast<double>(3 * pictures.size(2) * pictures.size(3));
  return {(parts.reconstruction + of_blocks.sum(1)) / (numbers * std::numbers::ln2), of_blocks};
}

void HierarchicalVae::to(const at::Device& device) const {
  networks_->to(device);
}

at::Device HierarchicalVae::device() const {
  return networks_->weight().device();
}

std::int64_t HierarchicalVae::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : networks_->parameters()) count += parameter.numel();
  return count;
}

std::map<std::string, at::Tensor> HierarchicalVae::state() const {
  return state_of(*networks_);
}

void HierarchicalVae::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  neurosplat::load_state(*networks_, tensors, "hierarchical VAE");
}

}  // namespace neurosplat
