#include "neurosplat/systems/splat_vae/splat_vae.h"

#include <ATen/ATen.h>

#include <bit>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/layers.h"
#include "systems/splat_vae/latent_refinement.h"
#include "systems/splat_vae/networks.h"

namespace neurosplat {
namespace {

const at::Tensor& find(const std::map<std::string, at::Tensor>& state, const std::string& name,
                       std::int64_t dimensions) {
  const auto found = state.find(name);
  if (found == state.end()) {
    throw Error(text("not a splat VAE: expected a tensor '", name, "', found none"));
  }
  if (found->second.dim() != dimensions) {
    throw Error(text("not a splat VAE: expected '", name, "' with ", dimensions,
                     " dimensions, got ", found->second.sizes()));
  }
  return found->second;
}

/// The residual networks work on 32 x 32 pictures and normalise groups of channels.
void check_residual(const SplatVaeArchitecture& sizes) {
  if (sizes.image_size < 32) {
    throw UsageError(
        text("image_size: expected at least 32 with --decoder residual, got ", sizes.image_size));
  }
  if (sizes.packets > 8192) {
    throw UsageError(
        text("num_packets: expected at most 8192 with --decoder residual, got ", sizes.packets));
  }
  if (sizes.latent > 3072) {
    throw UsageError(
        text("latent: expected at most 3072 with --decoder residual, got ", sizes.latent));
  }
  if (sizes.width < 32 || sizes.width > 1024 || sizes.width % 32 != 0) {
    throw UsageError(text("width: expected a multiple of 32 from 32 to 1024, got ", sizes.width));
  }
}

}  // namespace

void check(const SplatVaeArchitecture& architecture) {
  const auto size = architecture.image_size;
  if (size < 16 || size > 4096 || !std::has_single_bit(static_cast<std::uint64_t>(size))) {
    throw UsageError(text("image_size: expected a power of two from 16 to 4096, got ", size));
  }
  if (architecture.packets < 1 || architecture.packets > 65536) {
    throw UsageError(text("num_packets: expected 1 to 65536, got ", architecture.packets));
  }
  if (architecture.latent < 1 || architecture.latent > 65536) {
    throw UsageError(text("latent: expected 1 to 65536, got ", architecture.latent));
  }
  if (architecture.decoder == DecoderKind::residual) check_residual(architecture);
}

std::string name_of(DecoderKind kind) {
  return kind == DecoderKind::mlp ? "mlp" : "residual";
}

DecoderKind decoder_from_name(const std::string& name) {
  if (name == "mlp") return DecoderKind::mlp;
  if (name == "residual") return DecoderKind::residual;
  throw UsageError(text("decoder: expected mlp or residual, got '", name, "'"));
}

SplatVae::SplatVae(const SplatVaeArchitecture& architecture, std::uint64_t seed)
    : architecture_(architecture) {
  check(architecture);
  networks_ = architecture.decoder == DecoderKind::mlp ? make_published_networks(architecture, seed)
                                                       : make_residual_networks(architecture, seed);
}

const SplatVaeArchitecture& SplatVae::architecture() const {
  return architecture_;
}

Posterior SplatVae::encode(const at::Tensor& pictures) const {
  const auto size = architecture().image_size;
  if (pictures.dim() != 4 || pictures.size(1) != kColours || pictures.size(2) != size ||
      pictures.size(3) != size) {
    throw UsageError(
        text("pictures: expected [B, 3, ", size, ", ", size, "], got ", pictures.sizes()));
  }
  return networks_->encode(pictures);
}

at::Tensor SplatVae::decode(const at::Tensor& latents) const {
  if (latents.dim() != 2 || latents.size(1) != architecture().latent) {
    throw UsageError(
        text("latents: expected [B, ", architecture().latent, "], got ", latents.sizes()));
  }
  return networks_->decode(latents);
}

at::Tensor SplatVae::draw(const at::Tensor& raw_packets, const RenderOptions& options) const {
  const auto size = architecture().image_size;
  return render(raw_packets.to(at::kFloat), size, size, options);
}

at::Tensor SplatVae::reconstruct(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  return draw(decode(latents_of(pictures)));
}

SplatVae SplatVae::refining(std::int64_t steps) const {
  if (steps < 0 || steps > 1000) {
    throw UsageError(text("refine: expected 0 to 1000 steps, got ", steps));
  }
  auto plain = *this;
  plain.refinement_steps_ = 0;
  plain.refinement_.reset();
  if (steps == 0) return plain;
  auto refined = plain;
  refined.refinement_steps_ = steps;
  refined.refinement_ = std::make_shared<LatentRefinement>(plain);
  return refined;
}

at::Tensor SplatVae::latents_of(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  const auto mean = encode(pictures).mean;
  if (!refinement_) return mean;
  return refinement_->refine(pictures, mean, refinement_steps_);
}

at::Tensor SplatVae::reconstruct_sample(const at::Tensor& pictures,
                                        const at::Generator& generator) const {
  const at::NoGradGuard no_gradient;
  return draw(decode(sample(encode(pictures), generator)));
}

void SplatVae::train(bool on) const {
  networks_->train(on);
}

void SplatVae::to(const at::Device& device) const {
  networks_->to(device);
}

at::Device SplatVae::device() const {
  return parameters().front().device();
}

std::vector<at::Tensor> SplatVae::parameters() const {
  return networks_->parameters();
}

std::int64_t SplatVae::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : parameters()) count += parameter.numel();
  return count;
}

std::map<std::string, at::Tensor> SplatVae::state() const {
  return state_of(*networks_);
}

void SplatVae::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  // The reference's renderer, its predictor's operator and our prior and its flow stand in the same
  // file.
  neurosplat::load_state(*networks_, tensors, "splat VAE", [](const std::string& name) {
    return name.starts_with("ren.") || name == "koop.weight" || name.starts_with("prior.") ||
           name.starts_with("flow.");
  });
}

void SplatVae::fit_linear_code(const PictureParts& next) const {
  const at::NoGradGuard no_gradient;
  networks_->fit(next);
}

namespace {

SplatVaeArchitecture sizes_of_published(const std::map<std::string, at::Tensor>& state) {
  SplatVaeArchitecture sizes{.image_size = kSmallestMap};
  while (sizes.image_size <= 4096) {
    const auto convolutions =
        std::countr_zero(static_cast<std::uint64_t>(sizes.image_size / kSmallestMap));
    if (!state.contains(text("enc.conv.", 3 * convolutions, ".weight"))) break;
    sizes.image_size *= 2;
  }
  sizes.latent = find(state, "enc.fc_mu.weight", 2).size(0);
  const auto numbers = find(state, "dec.net.4.bias", 1).size(0);
  if (numbers % kPacketNumbers != 0) {
    throw Error(text("not a splat VAE: expected dec.net.4 to give a multiple of ", kPacketNumbers,
                     " numbers, got ", numbers));
  }
  sizes.packets = numbers / kPacketNumbers;
  return sizes;
}

SplatVaeArchitecture sizes_of_residual(const std::map<std::string, at::Tensor>& state) {
  return {.image_size = find(state, "code.low_pass", 2).size(1),
          .packets = find(state, "packets.geometry", 2).size(0),
          .latent = find(state, "code.components", 2).size(0),
          .decoder = DecoderKind::residual,
          .width = find(state, "dec.from_picture.weight", 4).size(0)};
}

}  // namespace

SplatVaeArchitecture infer_architecture(const std::map<std::string, at::Tensor>& state) {
  const auto sizes =
      state.contains("code.components") ? sizes_of_residual(state) : sizes_of_published(state);
  try {
    check(sizes);
  } catch (const UsageError& error) {
    throw Error(text("not a splat VAE: ", error.what()));
  }
  return sizes;
}

}  // namespace neurosplat
