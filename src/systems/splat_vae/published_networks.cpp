#include "neurosplat/processes/batch_norm.h"
#include "neurosplat/training/layers.h"
#include "systems/splat_vae/halving_convolution.h"
#include "systems/splat_vae/networks.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kHidden = 512;  // units of a decoder layer
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
      conv->push_back(HalvingConv2d(in, out));
      conv->push_back(processes::BatchNorm2d(out));
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

struct PublishedNetworks : SplatVaeNetworks {
  explicit PublishedNetworks(const SplatVaeArchitecture& sizes, std::uint64_t seed)
      : packets(sizes.packets), enc(sizes), dec(sizes) {
    register_module("enc", enc);
    register_module("dec", dec);
    initialise_layers(*this, seed);
    const at::NoGradGuard no_gradient;
    auto* last = dec->net->ptr(dec->net->size() - 1)->as<nn::LinearImpl>();
    last->weight.mul_(0.1);
    last->bias.zero_();
    lay_out_channels_last(*this);
  }

  Posterior encode(const at::Tensor& pictures) override { return enc->forward(pictures); }
  at::Tensor decode(const at::Tensor& latents) override {
    return dec->net->forward(latents).view({latents.size(0), packets, kPacketNumbers});
  }

  std::int64_t packets;
  Encoder enc;
  Decoder dec;
};

}  // namespace

std::shared_ptr<SplatVaeNetworks> make_published_networks(const SplatVaeArchitecture& sizes,
                                                          std::uint64_t seed) {
  return std::make_shared<PublishedNetworks>(sizes, seed);
}

}  // namespace neurosplat
