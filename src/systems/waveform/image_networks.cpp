#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "neurosplat/renderer/patches/patches.h"
#include "systems/waveform/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kStages = 4;
/// Of the head that draws splats.
constexpr std::int64_t kSplats = 16, kPatch = 8;
constexpr double kDepthGain = 0.125;
/// Pixels a side that are channels of one place.
constexpr std::int64_t kFold = 2;
/// Colours of the linear code nearer to 0 or 1 have no logit.
constexpr double kDarkest = 0.02;
/// Of weights that correct something which is right on average.
constexpr double kQuiet = 0.1;

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).padding(1).stride(stride));
}

/// Two convolutions beside the identity, or beside a 1 x 1 convolution where sizes change. Without
/// normalisation, which would take longer than the products: start_quietly() keeps deep stacks in
/// bounds.
struct BlockImpl : nn::Module {
  BlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : first(register_module("first", convolution(in, out, stride))),
        second(register_module("second", convolution(out, out))) {
    if (in == out && stride == 1) return;
    shortcut = register_module(
        "shortcut", nn::Conv2d(nn::Conv2dOptions(in, out, 1).stride(stride).bias(false)));
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto h = second(at::silu(first(at::silu(x))));
    return h + (shortcut ? shortcut(x) : x);
  }

  nn::Conv2d first, second, shortcut = nullptr;
};
TORCH_MODULE(Block);

struct ResidualEncoder : ImageEncoder {
  explicit ResidualEncoder(const WaveformArchitecture& sizes)
      : stem(register_module("stem", convolution(3 * kFold * kFold, sizes.width))),
        blocks(register_module("blocks", nn::ModuleList())) {
    auto channels = sizes.width;
    for (std::int64_t stage = 0; stage < kStages; ++stage) {
      const auto out = sizes.width << stage;
      blocks->push_back(Block(channels, out, stage == 0 ? 1 : 2));
      blocks->push_back(Block(out, out, 1));
      channels = out;
    }
    const auto side = sizes.image_size >> kStages;
    to_latent = register_module("to_latent", nn::Linear(channels * side * side, sizes.latent));
  }

  ImageCode forward(const at::Tensor& pictures) override {
    const auto folded = at::pixel_unshuffle((pictures - 0.5) * 4, kFold);
    auto h = stem(folded.contiguous(at::MemoryFormat::ChannelsLast));
    for (const auto& block : *blocks) h = block->as<BlockImpl>()->forward(h);
    return {to_latent(at::silu(h).flatten(1)).to(at::kFloat), {}};
  }

  nn::Conv2d stem;
  nn::ModuleList blocks;
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

/// At last of half the picture's side, with four pixels a place: the finest maps cost the most.
struct PixelDecoder : ImageDecoder {
  explicit PixelDecoder(const WaveformArchitecture& sizes)
      : first(register_module("first", FirstMap(sizes))),
        doublings(register_module("doublings", nn::ModuleList())) {
    auto channels = first->channels;
    for (std::int64_t stage = 1; stage < kStages; ++stage) {
      doublings->push_back(Doubling(channels, channels / 2));
      channels /= 2;
    }
    to_colours = register_module("to_colours", convolution(channels, 3 * kFold * kFold));
  }

  at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>&,
                     const at::Tensor& linear) override {
    auto h = first(latents);
    for (const auto& doubling : *doublings) h = doubling->as<DoublingImpl>()->forward(h);
    const auto field = at::pixel_shuffle(to_colours(at::silu(h)), kFold).to(at::kFloat);
    if (!linear.defined()) return field.sigmoid();
    return (linear.clamp(kDarkest, 1 - kDarkest).logit() + field).sigmoid();
  }

  FirstMap first;
  nn::ModuleList doublings;
  nn::Conv2d to_colours = nullptr;
};

/// Tokens of 8 x 8 pixels, 16 splats each, as a patch flow's, drawn by its renderer.
struct SplatDecoder : ImageDecoder {
  explicit SplatDecoder(const WaveformArchitecture& sizes)
      : first(register_module("first", FirstMap(sizes))),
        doubling(register_module("doubling", Doubling(first->channels, first->channels))),
        block(register_module("block", Block(first->channels, first->channels, 1))),
        to_splats(register_module("to_splats",
                                  convolution(first->channels, kSplats * patches::kNumbers))) {}

  at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>&,
                     const at::Tensor&) override {
    const auto h = to_splats(at::silu(block(doubling(first(latents)))));
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
  nn::Conv2d to_splats;
};

}  // namespace

at::Tensor bounded(const at::Tensor& latents) {
  constexpr double kMost = 2;
  const auto deviation = latents.square().mean(1, true).clamp_min(1e-12).sqrt();
  return latents * (kMost * (deviation / kMost).tanh() / deviation);
}

void start_quietly(nn::Module& networks, bool corrections) {
  const at::NoGradGuard no_gradient;
  for (auto& item : networks.named_parameters()) {
    const auto ends = [&](const char* end) { return item.key().ends_with(end); };
    const bool corrects =
        corrections && (ends("image_encoder.to_latent.weight") || ends("to_colours.weight"));
    if (corrects || ends("second.weight")) item.value().mul_(kQuiet);
  }
}

std::shared_ptr<ImageEncoder> make_image_encoder(const WaveformArchitecture& sizes) {
  return std::make_shared<ResidualEncoder>(sizes);
}

std::shared_ptr<ImageDecoder> make_image_decoder(const WaveformArchitecture& sizes) {
  if (sizes.image_head == "splats") return std::make_shared<SplatDecoder>(sizes);
  return std::make_shared<PixelDecoder>(sizes);
}

}  // namespace neurosplat
