#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>

#include "neurosplat/training/flow_matching.h"
#include "neurosplat/training/layers.h"
#include "systems/patch_flow/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

/// Channels of a pixel before it enters a patch, and of its time.
constexpr std::int64_t kPixelChannels = 16;
constexpr std::int64_t kTimeFrequencies = 8;

/// x + attention(norm x), then x + value(norm x) SiLU(gate(norm x)): no expansion, no projection.
struct AuthorBlockImpl : nn::Module {
  AuthorBlockImpl(std::int64_t width, std::int64_t head_count)
      : heads(head_count),
        norm_1(register_module("norm_1", nn::LayerNorm(nn::LayerNormOptions({width})))),
        query(register_module("query", nn::Linear(width, width))),
        key(register_module("key", nn::Linear(width, width))),
        value(register_module("value", nn::Linear(width, width))),
        out(register_module("out", nn::Linear(width, width))),
        norm_2(register_module("norm_2", nn::LayerNorm(nn::LayerNormOptions({width})))),
        linear(register_module("linear", nn::Linear(width, width))),
        gate(register_module("gate", nn::Linear(width, width))) {}

  at::Tensor by_head(const at::Tensor& x) const {
    return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
  }

  at::Tensor forward(const at::Tensor& tokens) {
    const auto h = norm_1(tokens);
    const auto attended =
        at::scaled_dot_product_attention(by_head(query(h)), by_head(key(h)), by_head(value(h)));
    const auto x = tokens + out(attended.transpose(1, 2).flatten(2));
    const auto g = norm_2(x);
    return x + linear(g) * at::silu(gate(g));
  }

  std::int64_t heads;
  nn::LayerNorm norm_1;
  nn::Linear query, key, value, out;
  nn::LayerNorm norm_2;
  nn::Linear linear, gate;
};
TORCH_MODULE(AuthorBlock);

/// Cosine and sine of position * 10^(-4 * 2k / width), each twice, side by side: [T, width].
struct Rotation {
  at::Tensor cosine, sine;
};
Rotation rotation(const at::Tensor& positions, std::int64_t width) {
  const auto exponents = at::arange(0, width, 2, at::kFloat) / static_cast<double>(width);
  const auto angles = at::outer(positions, at::pow(1e4, -exponents)).repeat_interleave(2, 1);
  return {angles.cos(), angles.sin()};
}

/// The partner of a channel lies half a width away while angles are paired side by side, so that
/// this is no rotation. So it is in the published code.
at::Tensor rotated(const at::Tensor& x, const Rotation& by) {
  const auto halves = x.chunk(2, -1);
  return x * by.cosine + at::cat({-halves[1], halves[0]}, -1) * by.sine;
}

struct AuthorNetwork : PatchFlowNetwork {
  AuthorNetwork(const PatchFlowArchitecture& sizes, std::uint64_t seed)
      : pixels(register_module("pixels", nn::Conv2d(nn::Conv2dOptions(3, kPixelChannels, 1)))),
        time(register_module("time", nn::Linear(2 * kTimeFrequencies, kPixelChannels))),
        tokens(register_module(
            "tokens",
            nn::Conv2d(
                nn::Conv2dOptions(kPixelChannels, sizes.width, sizes.patch).stride(sizes.patch)))),
        blocks(register_module("blocks", nn::ModuleList())),
        head(register_module("head", nn::Linear(sizes.width, sizes.numbers()))),
        rows(rotation(token_rows(sizes.grid()), sizes.width / 2)),
        columns(rotation(token_columns(sizes.grid()), sizes.width / 2)) {
    for (std::int64_t i = 0; i < sizes.depth; ++i)
      blocks->push_back(AuthorBlock(sizes.width, sizes.heads));
    initialise_layers(*this, seed);
  }

  at::Tensor forward(const at::Tensor& noisy, const at::Tensor& times,
                     const Conditions& /*none*/) override {
    const auto moment = time(time_features(times, kTimeFrequencies));
    auto x = tokens(pixels(noisy) + moment.unsqueeze(-1).unsqueeze(-1)).flatten(2).transpose(1, 2);
    const auto halves = x.chunk(2, -1);
    x = at::cat({rotated(halves[0], on(x, rows)), rotated(halves[1], on(x, columns))}, -1);
    for (const auto& block : *blocks) x = block->as<AuthorBlockImpl>()->forward(x);
    return head(x);
  }

  /// The tables are no weights: they follow the tokens to their device.
  static Rotation on(const at::Tensor& x, Rotation& table) {
    if (table.cosine.device() != x.device()) {
      table = {table.cosine.to(x.device()), table.sine.to(x.device())};
    }
    return table;
  }

  nn::Conv2d pixels;
  nn::Linear time;
  nn::Conv2d tokens;
  nn::ModuleList blocks;
  nn::Linear head;
  Rotation rows, columns;
};

}  // namespace

std::shared_ptr<PatchFlowNetwork> make_author_network(const PatchFlowArchitecture& sizes,
                                                      std::uint64_t seed) {
  return std::make_shared<AuthorNetwork>(sizes, seed);
}

}  // namespace neurosplat
