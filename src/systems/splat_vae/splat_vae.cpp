#include "neurosplat/systems/splat_vae/splat_vae.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kColours = 3;
constexpr std::int64_t kPacketNumbers = packet::numbers(kColours);
constexpr std::int64_t kHidden = 512;     // units of a decoder layer
constexpr std::int64_t kSmallestMap = 4;  // pixels a side where the encoder stops
constexpr std::int64_t kMostChannels = 512;
constexpr double kLeak = 0.2;

/// In place: its gradient is computed from its output, and no layer before it needs its own.
nn::LeakyReLU leaky_relu() {
  return nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(kLeak).inplace(true));
}

struct EncoderImpl : nn::Module {
  explicit EncoderImpl(const SplatVaeArchitecture& architecture) {
    std::int64_t in = kColours, out = 32;
    for (auto size = architecture.image_size; size > kSmallestMap; size /= 2) {
      conv->push_back(nn::Conv2d(nn::Conv2dOptions(in, out, 4).stride(2).padding(1)));
      conv->push_back(nn::BatchNorm2d(out));
      conv->push_back(leaky_relu());
      in = out;
      out = std::min(2 * out, kMostChannels);
    }
    const std::int64_t flat = in * kSmallestMap * kSmallestMap;
    register_module("conv", conv);
    fc_mu = register_module("fc_mu", nn::Linear(flat, architecture.latent));
    fc_lv = register_module("fc_lv", nn::Linear(flat, architecture.latent));
  }

  Posterior forward(const at::Tensor& pictures) {
    // Channels-last is faster for a batch; for one picture its rearranged weights cost more.
    const auto layout =
        pictures.size(0) > 1 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    const auto features = conv->forward(pictures.contiguous(layout)).flatten(1);
    return {fc_mu->forward(features), fc_lv->forward(features)};
  }

  nn::Sequential conv;
  nn::Linear fc_mu{nullptr}, fc_lv{nullptr};
};
TORCH_MODULE(Encoder);

struct DecoderImpl : nn::Module {
  explicit DecoderImpl(const SplatVaeArchitecture& architecture)
      : net(nn::Linear(architecture.latent, kHidden), leaky_relu(), nn::Linear(kHidden, kHidden),
            leaky_relu(), nn::Linear(kHidden, kPacketNumbers * architecture.packets)) {
    register_module("net", net);
  }

  nn::Sequential net;
};
TORCH_MODULE(Decoder);

/// PyTorch's default for convolutions and linear layers: uniform within 1 / sqrt(fan in), weights
/// and biases alike. Drawn here again so that a generator of our own decides.
template <class Layer>
void initialise(Layer& layer, const at::Generator& generator) {
  const auto fan_in = layer.weight[0].numel();
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  layer.weight.uniform_(-bound, bound, generator);
  layer.bias.uniform_(-bound, bound, generator);
}

template <class Tensors>
std::map<std::string, at::Tensor> as_map(const Tensors& named) {
  std::map<std::string, at::Tensor> result;
  for (const auto& item : named) result.emplace(item.key(), item.value());
  return result;
}

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

}  // namespace

struct SplatVae::Networks : nn::Module {
  explicit Networks(const SplatVaeArchitecture& sizes)
      : architecture(sizes), enc(sizes), dec(sizes) {
    register_module("enc", enc);
    register_module("dec", dec);
  }

  void initialise_all(std::uint64_t seed) {
    const at::NoGradGuard no_gradient;
    const auto generator = at::detail::createCPUGenerator(seed);
    for (const auto& layer : modules(/*include_self=*/false)) {
      if (auto* convolution = layer->as<nn::Conv2dImpl>()) initialise(*convolution, generator);
      if (auto* linear = layer->as<nn::LinearImpl>()) initialise(*linear, generator);
    }
    auto* last = dec->net->ptr(dec->net->size() - 1)->as<nn::LinearImpl>();
    last->weight.mul_(0.1);
    last->bias.zero_();
  }

  /// Convolutions and batch normalisation are faster with a pixel's channels side by side. Not
  /// before initialise_all: random numbers are laid down in the order of memory.
  void lay_out_channels_last() {
    for (const auto& layer : modules(/*include_self=*/false)) {
      if (auto* convolution = layer->as<nn::Conv2dImpl>()) {
        auto& weight = convolution->weight;
        weight.set_data(weight.contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
  }

  SplatVaeArchitecture architecture;
  Encoder enc;
  Decoder dec;
};

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
}

SplatVae::SplatVae(const SplatVaeArchitecture& architecture, std::uint64_t seed) {
  check(architecture);
  networks_ = std::make_shared<Networks>(architecture);
  networks_->initialise_all(seed);
  networks_->lay_out_channels_last();
}

const SplatVaeArchitecture& SplatVae::architecture() const {
  return networks_->architecture;
}

Posterior SplatVae::encode(const at::Tensor& pictures) const {
  const auto size = architecture().image_size;
  if (pictures.dim() != 4 || pictures.size(1) != kColours || pictures.size(2) != size ||
      pictures.size(3) != size) {
    throw UsageError(
        text("pictures: expected [B, 3, ", size, ", ", size, "], got ", pictures.sizes()));
  }
  return networks_->enc->forward(pictures);
}

at::Tensor SplatVae::decode(const at::Tensor& latents) const {
  if (latents.dim() != 2 || latents.size(1) != architecture().latent) {
    throw UsageError(
        text("latents: expected [B, ", architecture().latent, "], got ", latents.sizes()));
  }
  return networks_->dec->net->forward(latents).view(
      {latents.size(0), architecture().packets, kPacketNumbers});
}

at::Tensor SplatVae::draw(const at::Tensor& raw_packets, const RenderOptions& options) const {
  const auto size = architecture().image_size;
  return render(raw_packets.to(at::kFloat), size, size, options);
}

at::Tensor SplatVae::reconstruct(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  return draw(decode(encode(pictures).mean));
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
  auto result = as_map(networks_->named_parameters());
  result.merge(as_map(networks_->named_buffers()));
  return result;
}

void SplatVae::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  const at::NoGradGuard no_gradient;
  const auto own = state();
  for (const auto& [name, tensor] : own) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw Error(text("weights: expected a tensor '", name, "', found none"));
    }
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(text("weights: expected '", name, "' of shape ", tensor.sizes(), ", got ",
                       found->second.sizes()));
    }
  }
  for (const auto& [name, tensor] : tensors) {
    // The reference's renderer and its predictor's operator stand in the same file.
    if (!own.contains(name) && !name.starts_with("ren.") && name != "koop.weight") {
      throw Error(text("weights: '", name, "' belongs to no layer of a splat VAE"));
    }
  }
  for (const auto& [name, tensor] : own) at::Tensor(tensor).copy_(tensors.at(name));
}

SplatVaeArchitecture infer_architecture(const std::map<std::string, at::Tensor>& state) {
  SplatVaeArchitecture architecture;
  architecture.image_size = kSmallestMap;
  while (architecture.image_size <= 4096) {
    const auto convolutions =
        std::countr_zero(static_cast<std::uint64_t>(architecture.image_size / kSmallestMap));
    if (!state.contains(text("enc.conv.", 3 * convolutions, ".weight"))) break;
    architecture.image_size *= 2;
  }
  architecture.latent = find(state, "enc.fc_mu.weight", 2).size(0);
  const auto numbers = find(state, "dec.net.4.bias", 1).size(0);
  if (numbers % kPacketNumbers != 0) {
    throw Error(text("not a splat VAE: expected dec.net.4 to give a multiple of ", kPacketNumbers,
                     " numbers, got ", numbers));
  }
  architecture.packets = numbers / kPacketNumbers;
  try {
    check(architecture);
  } catch (const UsageError& error) {
    throw Error(text("not a splat VAE: ", error.what()));
  }
  return architecture;
}

}  // namespace neurosplat
