#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "neurosplat/renderer/patches/patches.h"
#include "systems/waveform/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kStages = 4;
/// Of the head that draws splats.
constexpr std::int64_t kSplats = 16, kPatch = 8;
constexpr double kDepthGain = 0.125;

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).stride(stride));
}

nn::GroupNorm normalisation(std::int64_t channels) {
  return nn::GroupNorm(nn::GroupNormOptions(8, channels));
}

/// Two convolutions beside the identity, or beside a 1 x 1 convolution where sizes change.
struct BlockImpl : nn::Module {
  BlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : norm_0(register_module("norm_0", normalisation(in))),
        first(register_module("first", convolution(in, out, stride))),
        norm_1(register_module("norm_1", normalisation(out))),
        second(register_module("second", convolution(out, out))) {
    if (in == out && stride == 1) return;
    shortcut = register_module(
        "shortcut", nn::Conv2d(nn::Conv2dOptions(in, out, 1).stride(stride).bias(false)));
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto h = second(at::silu(norm_1(first(at::silu(norm_0(x))))));
    return h + (shortcut ? shortcut(x) : x);
  }

  nn::GroupNorm norm_0;
  nn::Conv2d first;
  nn::GroupNorm norm_1;
  nn::Conv2d second, shortcut = nullptr;
};
TORCH_MODULE(Block);

struct ResidualEncoder : ImageEncoder {
  explicit ResidualEncoder(const WaveformArchitecture& sizes)
      : stem(register_module("stem", convolution(3, sizes.width))),
        blocks(register_module("blocks", nn::ModuleList())) {
    auto channels = sizes.width;
    for (std::int64_t stage = 0; stage < kStages; ++stage) {
      const auto out = sizes.width << stage;
      blocks->push_back(Block(channels, out, 2));
      blocks->push_back(Block(out, out, 1));
      channels = out;
    }
    norm = register_module("norm", normalisation(channels));
    const auto side = sizes.image_size >> kStages;
    to_latent = register_module("to_latent", nn::Linear(channels * side * side, sizes.latent));
  }

  ImageCode forward(const at::Tensor& pictures) override {
    auto h = stem(((pictures - 0.5) * 4).contiguous(at::MemoryFormat::ChannelsLast));
    for (const auto& block : *blocks) h = block->as<BlockImpl>()->forward(h);
    return {unit_variance(to_latent(at::silu(norm(h)).flatten(1))), {}};
  }

  nn::Conv2d stem;
  nn::ModuleList blocks;
  nn::GroupNorm norm = nullptr;
  nn::Linear to_latent = nullptr;
};

/// What both heads begin with: latents to maps of a sixteenth of the picture's side.
struct FirstMapImpl : nn::Module {
  explicit FirstMapImpl(const WaveformArchitecture& sizes)
      : side(sizes.image_size >> kStages),
        channels(sizes.width << (kStages - 1)),
        from_latent(
            register_module("from_latent", nn::Linear(sizes.latent, channels * side * side))),
        block(register_module("block", Block(channels, channels, 1))) {}

  at::Tensor forward(const at::Tensor& latents) {
    const auto map = from_latent(latents).view({-1, channels, side, side});
    return block(map.contiguous(at::MemoryFormat::ChannelsLast));
  }

  std::int64_t side, channels;
  nn::Linear from_latent;
  Block block;
};
TORCH_MODULE(FirstMap);

/// Twice the side, by repeating pixels, then a block to `out` channels.
struct DoublingImpl : nn::Module {
  DoublingImpl(std::int64_t in, std::int64_t out)
      : to_out(register_module("to_out", convolution(in, out))),
        block(register_module("block", Block(out, out, 1))) {}

  at::Tensor forward(const at::Tensor& x) {
    return block(to_out(at::upsample_nearest2d(x, std::nullopt, at::ArrayRef<double>{2.0, 2.0})));
  }

  nn::Conv2d to_out;
  Block block;
};
TORCH_MODULE(Doubling);

struct PixelDecoder : ImageDecoder {
  explicit PixelDecoder(const WaveformArchitecture& sizes)
      : first(register_module("first", FirstMap(sizes))),
        doublings(register_module("doublings", nn::ModuleList())) {
    auto channels = first->channels;
    for (std::int64_t stage = 0; stage < kStages; ++stage) {
      // Half of the first stage's at last: the finest maps cost the most.
      const auto out = std::max<std::int64_t>(8, channels / 2);
      doublings->push_back(Doubling(channels, out));
      channels = out;
    }
    norm = register_module("norm", normalisation(channels));
    to_colours = register_module("to_colours", convolution(channels, 3));
  }

  at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>&) override {
    auto h = first(latents);
    for (const auto& doubling : *doublings) h = doubling->as<DoublingImpl>()->forward(h);
    return to_colours(at::silu(norm(h))).to(at::kFloat).sigmoid();
  }

  FirstMap first;
  nn::ModuleList doublings;
  nn::GroupNorm norm = nullptr;
  nn::Conv2d to_colours = nullptr;
};

/// Tokens of 8 x 8 pixels, 16 splats each, as a patch flow's, drawn by its renderer.
struct SplatDecoder : ImageDecoder {
  explicit SplatDecoder(const WaveformArchitecture& sizes)
      : first(register_module("first", FirstMap(sizes))),
        doubling(register_module("doubling", Doubling(first->channels, first->channels))),
        block(register_module("block", Block(first->channels, first->channels, 1))),
        norm(register_module("norm", normalisation(first->channels))),
        to_splats(register_module("to_splats",
                                  convolution(first->channels, kSplats * patches::kNumbers))) {}

  at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>&) override {
    const auto h = to_splats(at::silu(norm(block(doubling(first(latents))))));
    const auto numbers =
        h.permute({0, 2, 3, 1}).to(at::kFloat).unflatten(3, {kSplats, patches::kNumbers});
    const auto splats = patches::activate(numbers.contiguous(), {.depth_gain = kDepthGain});
    const auto drawn = patches::render(splats, {.kernel = patches::Kernel::kSharp,
                                                .sharing = patches::Sharing::kNeighbours,
                                                .tile = kPatch});
    return (drawn / 2 + 0.5).clamp(0, 1);
  }

  FirstMap first;
  Doubling doubling;
  Block block;
  nn::GroupNorm norm;
  nn::Conv2d to_splats;
};

}  // namespace

at::Tensor unit_variance(const at::Tensor& latents) {
  return at::layer_norm(latents.to(at::kFloat), {latents.size(1)});
}

std::shared_ptr<ImageEncoder> make_image_encoder(const WaveformArchitecture& sizes) {
  return std::make_shared<ResidualEncoder>(sizes);
}

std::shared_ptr<ImageDecoder> make_image_decoder(const WaveformArchitecture& sizes) {
  if (sizes.image_head == "splats") return std::make_shared<SplatDecoder>(sizes);
  return std::make_shared<PixelDecoder>(sizes);
}

}  // namespace neurosplat
