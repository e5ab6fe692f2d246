#include "systems/hierarchical_vae/networks.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <string>

#include "neurosplat/core/text.h"
#include "neurosplat/training/layers.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

/// Halves of `width` that a level has as channels, coarse to fine: coarse maps are cheap.
constexpr std::array<std::int64_t, kHierarchicalLevels> kHalves = {6, 6, 4, 3, 2};
constexpr std::int64_t kRatio = 4, kPixelChannels = 32, kLeastFor3x3 = 3;
/// Bounds of logarithms of deviations (softly, as in NVAE) and of scales (as in PixelCNN++).
constexpr double kLogBound = 5, kLeastLogScale = -7;
/// Of scales before anything is learned: about what pictures have.
constexpr double kFirstLogScale = -1.5;
/// Pictures in [0, 1] to numbers of about mean 0 and deviation 1.
constexpr double kGain = 4, kShift = -2;

std::int64_t channels_of(const HierarchicalVaeArchitecture& sizes, std::size_t level) {
  return sizes.width * kHalves[level] / 2;
}

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(kernel / 2));
}

std::int64_t kernel_at(std::int64_t side) {
  return side < kLeastFor3x3 ? 1 : 3;
}

/// bf16 to float32.
at::Tensor full_precision(const at::Tensor& x) {
  return x.to(at::kFloat);
}

DiagonalNormal normal_of(const at::Tensor& parameters) {
  const auto halves = full_precision(parameters).chunk(2, 1);
  return {halves[0], kLogBound * (halves[1] / kLogBound).tanh()};
}

/// Each pixel repeated in a square of `factor` a side.
at::Tensor enlarged(const at::Tensor& x, std::int64_t side) {
  if (x.size(2) == side) return x;
  return at::upsample_nearest2d(x, {side, side});
}

}  // namespace

std::array<std::int64_t, kHierarchicalLevels> sides_of(const HierarchicalVaeArchitecture& sizes) {
  const auto side = sizes.image_size;
  return {1, side / 16, side / 8, side / 4, side / 2};
}

BottleneckImpl::BottleneckImpl(std::int64_t in, std::int64_t middle, std::int64_t out,
                               std::int64_t side, bool residual)
    : residual_(residual),
      c1(register_module("c1", convolution(in, middle, 1))),
      c2(register_module("c2", convolution(middle, middle, kernel_at(side)))),
      c3(register_module("c3", convolution(middle, middle, kernel_at(side)))),
      c4(register_module("c4", convolution(middle, out, 1))) {}

at::Tensor BottleneckImpl::forward(const at::Tensor& x) {
  const auto h = c4(inner(c1(at::gelu(x))));
  return residual_ ? x + h : h;
}

at::Tensor BottleneckImpl::inner(const at::Tensor& h) {
  return at::gelu(c3(at::gelu(c2(at::gelu(h)))));
}

TopDownBlockImpl::TopDownBlockImpl(std::int64_t width, std::int64_t latents, std::int64_t side)
    : prior(register_module("prior", Bottleneck(width, width / kRatio, 2 * latents, side, false))),
      posterior(register_module("posterior",
                                Bottleneck(width, width / kRatio, 2 * latents, side, false))),
      residual(register_module("residual", Bottleneck(width, width / kRatio, width, side, true))),
      feature(register_module("feature", convolution(width / kRatio, width, 1))),
      from_encoder(register_module("from_encoder", convolution(width, width / kRatio, 1))),
      from_latents(register_module("from_latents", convolution(latents, width, 1))) {}

at::Tensor TopDownBlockImpl::forward(const at::Tensor& x, const at::Tensor& activation,
                                     std::size_t block, const LatentChoice& choose) {
  const auto activated = at::gelu(x);
  const auto h = prior->inner(prior->c1(activated));
  const auto latents = choose(block, normal_of(prior->c4(h)), [&] {
    const auto seen = posterior->c1(activated) + from_encoder(activation);
    return normal_of(posterior->c4(posterior->inner(seen)));
  });
  return residual(x + feature(h) + from_latents(latents));
}

HierarchicalVaeNetworks::HierarchicalVaeNetworks(const HierarchicalVaeArchitecture& sizes,
                                                 std::uint64_t seed)
    : sizes_(sizes) {
  const auto sides = sides_of(sizes);
  stem = register_module("stem", convolution(12, sizes.width, 3));
  for (std::size_t level = 0; level < kHierarchicalLevels; ++level) {
    const auto width = channels_of(sizes, level), side = sides[level];
    const auto name = [&](const char* part) { return text(part, '_', level); };
    up_.push_back(register_module(name("up"), nn::ModuleList()));
    down_.push_back(register_module(name("down"), nn::ModuleList()));
    for (std::int64_t i = 0; i < sizes.encoder_blocks[level]; ++i) {
      up_.back()->push_back(Bottleneck(width, width / kRatio, width, side, true));
    }
    for (std::int64_t i = 0; i < sizes.blocks[level]; ++i) {
      down_.back()->push_back(TopDownBlock(width, sizes.latent_channels, side));
    }
    starts_.push_back(register_parameter(name("start"), at::zeros({1, width, side, side})));
    if (level == 0) continue;
    const auto coarser = channels_of(sizes, level - 1);
    narrow_.push_back(register_module(name("from_finer"), convolution(width, coarser, 1)));
    widen_.push_back(register_module(name("from_coarser"), convolution(coarser, width, 1)));
  }
  to_pixels = register_module("to_pixels", convolution(sizes.width, 4 * kPixelChannels, 1));
  pixels_1 = register_module("pixels_1", convolution(kPixelChannels, kPixelChannels, 3));
  pixels_2 = register_module("pixels_2", convolution(kPixelChannels, kPixelChannels, 3));
  picture = register_module("picture", convolution(kPixelChannels, 6, 3));
  initialise_layers(*this, seed);
  scale_down();
  lay_out_channels_last(*this);
}

/// The last layer of each residual block, and what latents add, over the root of the number of
/// blocks that add to one another; the prior begins as a standard normal (VD-VAE).
void HierarchicalVaeNetworks::scale_down() {
  const at::NoGradGuard no_gradient;
  double ups = 0, downs = 0;
  for (std::size_t level = 0; level < kHierarchicalLevels; ++level) {
    ups += static_cast<double>(up_[level]->size());
    downs += static_cast<double>(down_[level]->size());
  }
  for (std::size_t level = 0; level < kHierarchicalLevels; ++level) {
    for (const auto& block : *up_[level]) {
      block->as<BottleneckImpl>()->c4->weight.mul_(1 / std::sqrt(ups));
    }
    for (const auto& block : *down_[level]) {
      auto& parts = *block->as<TopDownBlockImpl>();
      parts.residual->c4->weight.mul_(1 / std::sqrt(downs));
      parts.from_latents->weight.mul_(1 / std::sqrt(downs));
      for (auto* layer : {&*parts.prior->c4, &*parts.feature}) {
        layer->weight.zero_();
        layer->bias.zero_();
      }
    }
  }
}

std::vector<at::Tensor> HierarchicalVaeNetworks::activations(const at::Tensor& pictures) {
  std::vector<at::Tensor> found(kHierarchicalLevels);
  const auto folded = at::pixel_unshuffle(kGain * pictures + kShift, 2);
  auto x = stem(folded.contiguous(at::MemoryFormat::ChannelsLast));
  const auto sides = sides_of(sizes_);
  for (std::size_t level = kHierarchicalLevels; level-- > 0;) {
    for (const auto& block : *up_[level]) x = block->as<BottleneckImpl>()->forward(x);
    found[level] = at::gelu(x);
    if (level == 0) break;
    const auto factor = sides[level] / sides[level - 1];
    x = narrow_[level - 1](factor > 1 ? at::avg_pool2d(x, {factor, factor}) : x);
  }
  return found;
}

PictureDistribution HierarchicalVaeNetworks::decode(std::int64_t count,
                                                    const std::vector<at::Tensor>& activations,
                                                    const LatentChoice& choose) {
  const auto sides = sides_of(sizes_);
  std::size_t number = 0;
  auto x = starts_[0].expand({count, -1, -1, -1});
  for (std::size_t level = 0; level < kHierarchicalLevels; ++level) {
    if (level > 0) {
      // In the layers' precision and layout, which a map of one pixel does not show: sums of two
      // kinds are slow, and all that follows with them.
      x = enlarged(widen_[level - 1](x), sides[level]).contiguous(at::MemoryFormat::ChannelsLast);
      x = x + starts_[level].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    }
    const auto activation = activations.empty() ? at::Tensor() : activations[level];
    for (const auto& block : *down_[level]) {
      x = block->as<TopDownBlockImpl>()->forward(x, activation, number++, choose);
    }
  }
  return draw(x);
}

PictureDistribution HierarchicalVaeNetworks::draw(const at::Tensor& x) {
  auto h = at::pixel_shuffle(to_pixels(at::gelu(x)), 2).contiguous(at::MemoryFormat::ChannelsLast);
  h = h + pixels_2(at::gelu(pixels_1(at::gelu(h))));
  // In full precision: bf16 knows no 255ths.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto drawn = picture(at::gelu(full_precision(h))).chunk(2, 1);
  return {drawn[0].contiguous(),
          (drawn[1].contiguous() + kFirstLogScale).clamp_min(kLeastLogScale)};
}

}  // namespace neurosplat
