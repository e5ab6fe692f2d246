#include "neurosplat/systems/waveform/waveform_autoencoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/layers.h"
#include "neurosplat/training/linear_code.h"
#include "systems/waveform/networks.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kLeastOfLinearCode = LinearCodeImpl::kSide;

void expect_range(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return;
  throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
}

void expect_name(const char* name, const std::string& value, const std::string& one,
                 const std::string& other) {
  if (value == one || value == other) return;
  throw UsageError(text(name, ": expected ", one, " or ", other, ", got '", value, "'"));
}

/// What turns recorded waveforms into standardised ones: buffers, saved with the weights.
struct Scale : torch::nn::Module {
  explicit Scale(std::int64_t electrodes)
      : mean(register_buffer("mean", at::zeros({electrodes, 1}))),
        deviation(register_buffer("deviation", at::ones({electrodes, 1}))) {}

  at::Tensor mean, deviation;
};

}  // namespace

/// The four networks under their names, and the scale of recorded waveforms.
class WaveformNetworks : public torch::nn::Module {
 public:
  WaveformNetworks(const WaveformArchitecture& sizes, std::uint64_t seed) {
    const bool author = sizes.network == "author";
    image_encoder = author ? make_author_image_encoder(sizes) : make_image_encoder(sizes);
    waveform_decoder = author ? make_author_waveform_decoder(sizes) : make_waveform_decoder(sizes);
    waveform_encoder = author ? make_author_waveform_encoder(sizes) : make_waveform_encoder(sizes);
    image_decoder = author ? make_author_image_decoder(sizes) : make_image_decoder(sizes);
    register_module("image_encoder", image_encoder);
    register_module("waveform_decoder", waveform_decoder);
    register_module("waveform_encoder", waveform_encoder);
    register_module("image_decoder", image_decoder);
    scale = register_module("scale", std::make_shared<Scale>(sizes.electrodes));
    initialise_layers(*this, seed);
    if (!author) start_quietly(*this, sizes.linear_code);
    if (sizes.linear_code) {
      code = register_module("code", LinearCode(sizes.image_size, sizes.latent, seed));
    }
    lay_out_channels_last(*this);
    eval();
  }

  std::shared_ptr<ImageEncoder> image_encoder;
  std::shared_ptr<WaveformPart> waveform_decoder, waveform_encoder;
  std::shared_ptr<ImageDecoder> image_decoder;
  std::shared_ptr<Scale> scale;
  LinearCode code = nullptr;
};

void check(const WaveformArchitecture& sizes) {
  expect_name("network", sizes.network, "author", "ours");
  expect_name("waveform_encoder", sizes.waveform_encoder, "conv", "mlp");
  expect_name("image_head", sizes.image_head, "pixels", "splats");
  expect_range("image_size", sizes.image_size, 16, 512);
  expect_range("latent", sizes.latent, 2, 4096);
  expect_range("electrodes", sizes.electrodes, 1, 4096);
  expect_range("samples", sizes.samples, 8, 4096);
  expect_range("width", sizes.width, 8, 512);
  if (sizes.image_size % 16 != 0) {
    throw UsageError(text("image_size: expected a multiple of 16 pixels, got ", sizes.image_size));
  }
  if (sizes.width % 8 != 0) {
    throw UsageError(text("width: expected a multiple of 8 channels, got ", sizes.width));
  }
  if (sizes.linear_code && (sizes.network == "author" || sizes.image_size < kLeastOfLinearCode)) {
    throw UsageError(text("linear_code: expected with our own networks and pictures of ",
                          kLeastOfLinearCode, " pixels or more, got ", sizes.network, " and ",
                          sizes.image_size, ": leave it away"));
  }
  if (sizes.leaky_skips && sizes.network != "author") {
    throw UsageError("leaky_skips: expected with the author's network alone: ours has none");
  }
}

std::vector<std::string> waveform_presets() {
  return {"small", "v1", "author"};
}

WaveformArchitecture waveform_preset(const std::string& name) {
  if (name == "small") return {.linear_code = true};
  if (name == "v1") return {.width = 64, .linear_code = true};
  if (name == "author") {
    return {.network = "author", .latent = 128, .width = 64, .waveform_encoder = "mlp"};
  }
  throw UsageError(text("preset: expected small, v1 or author, got '", name, "'"));
}

WaveformAutoencoder::WaveformAutoencoder(const WaveformArchitecture& architecture,
                                         std::uint64_t seed)
    : architecture_(architecture) {
  check(architecture);
  networks_ = std::make_shared<WaveformNetworks>(architecture, seed);
}

ImageCode WaveformAutoencoder::encode(const at::Tensor& pictures) const {
  const auto side = architecture_.image_size;
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.size(2) != side ||
      pictures.size(3) != side || !pictures.is_floating_point()) {
    throw UsageError(text("pictures: expected floating-point [B, 3, ", side, ", ", side, "], got ",
                          pictures.scalar_type(), ' ', pictures.sizes()));
  }
  auto code = networks_->image_encoder->forward(pictures);
  if (architecture_.network == "author") return code;
  if (networks_->code) {
    const auto& linear = networks_->code;
    code.latent = linear->encode(linear->low(pictures)) + code.latent;
  }
  code.latent = bounded(code.latent);
  return code;
}

at::Tensor WaveformAutoencoder::waveforms(const at::Tensor& latents) const {
  if (latents.dim() != 2 || latents.size(1) != architecture_.latent) {
    throw UsageError(
        text("latents: expected [B, ", architecture_.latent, "], got ", latents.sizes()));
  }
  return networks_->waveform_decoder->forward(latents);
}

at::Tensor WaveformAutoencoder::encode_waveforms(const at::Tensor& waveforms) const {
  const auto electrodes = architecture_.electrodes, samples = architecture_.samples;
  if (waveforms.dim() != 3 || waveforms.size(1) != electrodes || waveforms.size(2) != samples) {
    throw UsageError(
        text("waveforms: expected [B, ", electrodes, ", ", samples, "], got ", waveforms.sizes()));
  }
  return networks_->waveform_encoder->forward(waveforms);
}

at::Tensor WaveformAutoencoder::decode(const at::Tensor& latents,
                                       const std::vector<at::Tensor>& skips) const {
  if (latents.dim() != 2 || latents.size(1) != architecture_.latent) {
    throw UsageError(
        text("latents: expected [B, ", architecture_.latent, "], got ", latents.sizes()));
  }
  at::Tensor linear;
  if (networks_->code) linear = networks_->code->high(networks_->code->decode(latents));
  return networks_->image_decoder->forward(latents, skips, linear);
}

at::Tensor WaveformAutoencoder::standardised(const at::Tensor& recorded) const {
  const auto& scale = *networks_->scale;
  return (recorded.to(scale.mean.options()) - scale.mean) / scale.deviation;
}

at::Tensor WaveformAutoencoder::in_recorded_units(const at::Tensor& standardised) const {
  return standardised * networks_->scale->deviation + networks_->scale->mean;
}

void WaveformAutoencoder::set_scale(const at::Tensor& mean, const at::Tensor& deviation) const {
  networks_->scale->mean.copy_(mean.view({-1, 1}));
  networks_->scale->deviation.copy_(deviation.view({-1, 1}));
}

void WaveformAutoencoder::fit_linear_code(const PictureParts& next) const {
  const at::NoGradGuard no_gradient;
  if (networks_->code) networks_->code->fit(next);
}

void WaveformAutoencoder::train(bool on) const {
  networks_->train(on);
}

void WaveformAutoencoder::to(const at::Device& device) const {
  networks_->to(device);
}

at::Device WaveformAutoencoder::device() const {
  return networks_->scale->mean.device();
}

std::int64_t WaveformAutoencoder::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& parameter : networks_->parameters()) count += parameter.numel();
  return count;
}

std::map<std::string, at::Tensor> WaveformAutoencoder::state() const {
  return state_of(*networks_);
}

void WaveformAutoencoder::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  neurosplat::load_state(*networks_, tensors, "waveform autoencoder");
}

}  // namespace neurosplat
