#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "neurosplat/systems/patch_flow/splat_fit.h"
#include "neurosplat/training/flow_matching.h"
#include "neurosplat/training/layers.h"
#include "systems/patch_flow/condition_branches.h"
#include "systems/patch_flow/networks.h"
#include "systems/patch_flow/tokens/token_passes.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kTimeFrequencies = 64;
constexpr double kTimeScale = 1000;  // so that all frequencies tell times apart
constexpr double kFirstGate = 0.3;
constexpr double kDepthwiseSpread = 0.05, kHeadSpread = 0.01;
constexpr std::int64_t kMostTokensAtOnce = 256;

nn::Linear plain_linear(std::int64_t in, std::int64_t out) {
  return nn::Linear(nn::LinearOptions(in, out).bias(false));
}

/// A quarter of a head's channels turns by the row, a quarter by the column, at pi/4 down to a
/// tenth of it a token.
tokens::Rotation axial_rotation(std::int64_t grid, std::int64_t channels) {
  const auto quarter = channels / 4;
  const auto frequencies =
      std::numbers::pi / 4 * at::pow(10.0, -at::linspace(0, 1, quarter, at::kFloat));
  const auto angles = at::cat(
      {at::outer(token_rows(grid), frequencies), at::outer(token_columns(grid), frequencies)}, 1);
  return {angles.cos(), angles.sin()};
}

/// softmax(q k') v, the scale being the query's. Few tokens on the CPU as two products, whose
/// backward pass LibTorch's own attention takes several times as long for.
at::Tensor attended(const tokens::HeadParts& parts) {
  if (parts.query.is_cpu() && parts.query.size(2) <= kMostTokensAtOnce) {
    const auto weights = at::matmul(parts.query, parts.key.transpose(-1, -2)).softmax(-1);
    return at::matmul(weights, parts.value);
  }
  return at::scaled_dot_product_attention(parts.query, parts.key, parts.value, {}, 0.0, false, 1.0);
}

/// Six rows of a modulation: shift, scale and gate of the attention, then of the SwiGLU.
struct ModulatedBlockImpl : nn::Module {
  explicit ModulatedBlockImpl(const PatchFlowArchitecture& sizes)
      : grid(sizes.grid()),
        neighbours(register_module(
            "neighbours",
            nn::Conv2d(
                nn::Conv2dOptions(sizes.width, sizes.width, 3).padding(1).groups(sizes.width)))),
        qkv(register_module("qkv", plain_linear(sizes.width, 3 * sizes.width))),
        out(register_module("out", plain_linear(sizes.width, sizes.width))),
        up(register_module("up", plain_linear(sizes.width, 2 * sizes.hidden))),
        down(register_module("down", plain_linear(sizes.hidden, sizes.width))),
        query_scale(register_parameter("query_scale", at::ones({sizes.width / sizes.heads}))),
        key_scale(register_parameter("key_scale", at::ones({sizes.width / sizes.heads}))),
        table(register_parameter("table", at::zeros({6, sizes.width}))) {}

  at::Tensor attend(const at::Tensor& x, const tokens::Rotation& rotation) {
    const double scale = 1 / std::sqrt(static_cast<double>(query_scale.size(0)));
    const auto scales = at::stack({query_scale * scale, key_scale});
    return out(attended(tokens::head_parts(qkv(x), scales, rotation)).transpose(1, 2).flatten(2));
  }

  at::Tensor forward(const at::Tensor& given, const at::Tensor& modulation,
                     const tokens::Rotation& rotation) {
    const auto rows = (modulation + table).unbind(1);
    const auto map = given.transpose(1, 2).unflatten(2, {grid, grid});
    const auto x = given + neighbours(map).flatten(2).transpose(1, 2).to(given.scalar_type());
    const auto y =
        tokens::gated_sum(x, rows[2], attend(tokens::modulated(x, rows[1], rows[0]), rotation));
    const auto inner = tokens::swiglu(up(tokens::modulated(y, rows[4], rows[3])));
    return tokens::gated_sum(y, rows[5], down(inner));
  }

  std::int64_t grid;
  nn::Conv2d neighbours;
  nn::Linear qkv, out, up, down;
  at::Tensor query_scale, key_scale, table;
};
TORCH_MODULE(ModulatedBlock);

/// Half of sines and cosines of rows and columns, [T, width], from half a turn every eight tokens
/// to two.
at::Tensor first_positions(std::int64_t grid, std::int64_t width) {
  const auto frequencies =
      std::numbers::pi / 8 * at::pow(2.0, at::linspace(0, 2, width / 4, at::kFloat));
  const auto rows = at::outer(token_rows(grid) + 0.5, frequencies);
  const auto columns = at::outer(token_columns(grid) + 0.5, frequencies);
  return 0.5 * at::cat({rows.sin(), rows.cos(), columns.sin(), columns.cos()}, 1);
}

/// Splats on a square grid, broader for the cosine kernel, which is narrow.
at::Tensor first_splats(const PatchFlowArchitecture& sizes) {
  auto splats = splats_on_a_grid(sizes.splats);
  if (sizes.kernel == patches::Kernel::kCosine) splats.narrow(1, patches::kScaleX, 2).fill_(-1.4);
  return splats.flatten();
}

struct ModulatedNetwork : PatchFlowNetwork {
  ModulatedNetwork(const PatchFlowArchitecture& sizes, std::uint64_t seed)
      : rotation(axial_rotation(sizes.grid(), sizes.width / sizes.heads)),
        embedding(register_module("embedding",
                                  nn::Conv2d(nn::Conv2dOptions(3, sizes.width, 2 * sizes.patch)
                                                 .stride(sizes.patch)
                                                 .padding(sizes.patch / 2)))),
        time(register_module("time", nn::Linear(2 * kTimeFrequencies, sizes.width))),
        modulation(register_module("modulation", nn::Linear(sizes.width, 6 * sizes.width))),
        blocks(register_module("blocks", nn::ModuleList())),
        head_modulation(
            register_module("head_modulation", nn::Linear(sizes.width, 2 * sizes.width))),
        head(register_module("head", nn::Linear(sizes.width, sizes.numbers()))),
        positions(register_parameter("positions", first_positions(sizes.grid(), sizes.width))),
        branches(register_module("conditions", ConditionBranches(sizes))) {
    for (std::int64_t i = 0; i < sizes.depth; ++i) blocks->push_back(ModulatedBlock(sizes));
    initialise_layers(*this, seed);
    start(sizes, seed);
  }

  /// Blocks that do little at first, a head that draws a grey picture.
  void start(const PatchFlowArchitecture& sizes, std::uint64_t seed) {
    const at::NoGradGuard no_gradient;
    const auto generator = at::detail::createCPUGenerator(seed + 1);
    for (const auto& layer : {modulation, head_modulation}) {
      layer->weight.zero_();
      layer->bias.zero_();
    }
    for (const auto& each : *blocks) {
      auto& block = *each->as<ModulatedBlockImpl>();
      block.neighbours->weight.normal_(0, kDepthwiseSpread, generator);
      block.neighbours->bias.zero_();
      block.table[2].fill_(kFirstGate);
      block.table[5].fill_(kFirstGate);
    }
    head->weight.normal_(0, kHeadSpread, generator);
    head->bias.zero_();
    branches->start();
    if (sizes.head == "splats") head->bias.copy_(first_splats(sizes));
  }

  at::Tensor forward(const at::Tensor& noisy, const at::Tensor& times,
                     const Conditions& conditions) override {
    if (rotation.cosine.device() != noisy.device()) {
      rotation.cosine = rotation.cosine.to(noisy.device());
      rotation.sine = rotation.sine.to(noisy.device());
    }
    const auto moment = at::silu(time(time_features(kTimeScale * times, kTimeFrequencies)));
    const auto rows = modulation(moment).unflatten(1, {6, -1});
    const auto asked = branches(conditions);
    const auto with = [&](const at::Tensor& own, std::int64_t first) {
      return asked.defined() ? own + asked.narrow(1, first, own.size(1)) : own;
    };
    auto x = embedding(noisy).flatten(2).transpose(1, 2) + positions;
    std::int64_t first = 0;
    for (const auto& block : *blocks) {
      x = block->as<ModulatedBlockImpl>()->forward(x, with(rows, first), rotation);
      first += rows.size(1);
    }
    const auto last =
        with(head_modulation(moment).unflatten(1, {2, -1}), first).to(x.scalar_type()).unbind(1);
    return head(tokens::modulated(x, last[1], last[0]));
  }

  tokens::Rotation rotation;
  nn::Conv2d embedding;
  nn::Linear time, modulation;
  nn::ModuleList blocks;
  nn::Linear head_modulation, head;
  at::Tensor positions;
  ConditionBranches branches;
};

}  // namespace

std::shared_ptr<PatchFlowNetwork> make_modulated_network(const PatchFlowArchitecture& sizes,
                                                         std::uint64_t seed) {
  return std::make_shared<ModulatedNetwork>(sizes, seed);
}

}  // namespace neurosplat
