#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "neurosplat/training/layers.h"
#include "neurosplat/training/linear_code.h"
#include "systems/splat_vae/cell_packets.h"
#include "systems/splat_vae/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kPlanes = 4 * kColours;  // of a picture with 2 x 2 pixels in one
/// Log variance of the posterior before training: a tenth of the code's spread, sd.
constexpr double kFirstLogVariance = -4.6;
/// Linear pictures beyond have no logit worth having.
constexpr double kDarkest = 0.02;

nn::Conv2d convolution(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1));
}
nn::Conv2d halving(std::int64_t in, std::int64_t out) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 4).stride(2).padding(1));
}
nn::GroupNorm normalisation(std::int64_t channels) {
  return nn::GroupNorm(nn::GroupNormOptions(channels % 8 == 0 ? 8 : 4, channels));
}

template <class Layer>
void silence(Layer& layer) {
  const at::NoGradGuard no_gradient;
  layer->weight.zero_();
  layer->bias.zero_();
}

/// x + conv(SiLU(conv(SiLU(norm x)))), the last convolution zero at first.
struct ResidualImpl : nn::Module {
  explicit ResidualImpl(std::int64_t channels)
      : norm(register_module("norm", normalisation(channels))),
        first(register_module("first", convolution(channels, channels))),
        second(register_module("second", convolution(channels, channels))) {}

  at::Tensor forward(const at::Tensor& x) { return x + second(at::silu(first(at::silu(norm(x))))); }

  nn::GroupNorm norm;
  nn::Conv2d first, second;
};
TORCH_MODULE(Residual);

/// A picture around zero, 2 x 2 pixels in one.
at::Tensor planes_of(const at::Tensor& picture) {
  return at::pixel_unshuffle((picture - 0.4) * 3, 2).contiguous(at::MemoryFormat::ChannelsLast);
}

/// What the linear code misses: pictures [B, 3, 32, 32] to corrections of it.
struct EncoderImpl : nn::Module {
  explicit EncoderImpl(const SplatVaeArchitecture& sizes)
      : stem(register_module("stem", convolution(kPlanes, sizes.width / 2))),
        to_8(register_module("to_8", halving(sizes.width / 2, sizes.width))),
        block(register_module("block", Residual(sizes.width))),
        to_4(register_module("to_4", halving(sizes.width, sizes.width))),
        norm(register_module("norm", normalisation(sizes.width))),
        fc_mu(register_module("fc_mu", nn::Linear(flat(sizes), sizes.latent))),
        fc_lv(register_module("fc_lv", nn::Linear(flat(sizes), sizes.latent))) {}

  static std::int64_t flat(const SplatVaeArchitecture& sizes) {
    return sizes.width * kSmallestMap * kSmallestMap;
  }

  Posterior forward(const at::Tensor& picture) {
    auto h = to_8(at::silu(stem(planes_of(picture))));
    h = to_4(at::silu(block(h)));
    h = at::silu(norm(h)).flatten(1);
    return {fc_mu(h), fc_lv(h)};
  }

  nn::Conv2d stem, to_8;
  Residual block;
  nn::Conv2d to_4;
  nn::GroupNorm norm;
  nn::Linear fc_mu, fc_lv;
};
TORCH_MODULE(Encoder);

/// Latents and their linear pictures to corrections of the field, [B, 3, 32, 32].
struct DecoderImpl : nn::Module {
  explicit DecoderImpl(const SplatVaeArchitecture& sizes)
      : width(sizes.width),
        fine(3 * sizes.width / 8),
        from_latent(register_module("from_latent", nn::Linear(sizes.latent, width * 64))),
        from_picture(register_module("from_picture", halving(kPlanes, width))),
        block_0(register_module("block_0", Residual(width))),
        block_1(register_module("block_1", Residual(width))),
        norm(register_module("norm", normalisation(width))),
        to_16(register_module("to_16", convolution(width, 4 * fine))),
        from_planes(register_module("from_planes", convolution(kPlanes, fine))),
        fine_block(register_module("fine_block", Residual(fine))),
        fine_norm(register_module("fine_norm", nn::GroupNorm(nn::GroupNormOptions(2, fine)))),
        to_32(register_module("to_32", convolution(fine, kPlanes))) {}

  at::Tensor forward(const at::Tensor& latents, const at::Tensor& linear) {
    const auto planes = planes_of(linear);
    auto h =
        from_latent(latents).view({-1, width, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
    h = block_1(block_0(h + from_picture(planes)));
    h = at::pixel_shuffle(to_16(at::silu(norm(h))), 2);
    h = fine_block(h + from_planes(planes));
    return at::pixel_shuffle(to_32(at::silu(fine_norm(h))), 2);
  }

  std::int64_t width, fine;
  nn::Linear from_latent;
  nn::Conv2d from_picture;
  Residual block_0, block_1;
  nn::GroupNorm norm;
  nn::Conv2d to_16, from_planes;
  Residual fine_block;
  nn::GroupNorm fine_norm;
  nn::Conv2d to_32;
};
TORCH_MODULE(Decoder);

/// Fixed matrices keep their digits under autocast too.
using FullPrecision = c10::impl::ExcludeDispatchKeyGuard;

struct ResidualNetworks : SplatVaeNetworks {
  ResidualNetworks(const SplatVaeArchitecture& sizes, std::uint64_t seed)
      : code(register_module("code", LinearCode(sizes.image_size, sizes.latent, seed))),
        packets(register_module("packets", CellPackets(sizes.packets, sizes.image_size))),
        enc(register_module("enc", Encoder(sizes))),
        dec(register_module("dec", Decoder(sizes))) {
    initialise_layers(*this, seed);
    silence(enc->fc_mu);
    silence(enc->fc_lv);
    silence(dec->to_32);
    for (auto* block : {&enc->block, &dec->block_0, &dec->block_1, &dec->fine_block})
      silence((*block)->second);
    lay_out_channels_last(*this);
  }

  Posterior encode(const at::Tensor& pictures) override {
    const auto low = full([&] { return code->low(pictures.to(at::kFloat)); });
    const auto correction = enc(low);
    const auto linear = full([&] { return code->encode(low); });
    return {linear + correction.mean, correction.log_variance + kFirstLogVariance};
  }

  at::Tensor decode(const at::Tensor& latents) override {
    const auto exact = latents.to(at::kFloat);
    const auto linear = full([&] { return code->decode(exact); });
    const auto correction = dec(exact, linear);
    return full([&] {
      const auto field = linear.clamp(kDarkest, 1 - kDarkest).logit();
      return packets->forward(field + correction.to(at::kFloat));
    });
  }

  void fit(const PictureParts& next) override { code->fit(next); }

  template <class Compute>
  static at::Tensor full(Compute compute) {
    const FullPrecision scope(c10::autocast_dispatch_keyset);
    return compute();
  }

  LinearCode code;
  CellPackets packets;
  Encoder enc;
  Decoder dec;
};

}  // namespace

std::shared_ptr<SplatVaeNetworks> make_residual_networks(const SplatVaeArchitecture& sizes,
                                                         std::uint64_t seed) {
  return std::make_shared<ResidualNetworks>(sizes, seed);
}

}  // namespace neurosplat
