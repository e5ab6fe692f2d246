#include "systems/hierarchical_vae/hierarchical_scores.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kBatch = 32;
constexpr double kLeastVariance = 0.01;  // of an active unit

/// Sums over pictures, block by block.
struct Sums {
  std::vector<at::Tensor> means, squares;  // of posterior means, float64 [c, s, s]
  at::Tensor kl;                           // [blocks]
  double bits = 0;
};

std::vector<LevelScore> levels_of(const HierarchicalVae& model) {
  std::vector<LevelScore> levels;
  for (const auto& [channels, side] : model.levels()) {
    if (levels.empty() || levels.back().side != side) {
      LevelScore level;
      level.side = side;
      level.numbers = levels.empty() ? 0 : levels.back().numbers;
      level.blocks = static_cast<std::int64_t>(model.blocks_up_to(side));
      levels.push_back(level);
    }
    levels.back().numbers += channels * side * side;
    levels.back().units += channels * side * side;
  }
  return levels;
}

void add_latents(Sums& sums, const std::vector<at::Tensor>& latents) {
  if (sums.means.empty()) {
    sums.means.resize(latents.size());
    sums.squares.resize(latents.size());
  }
  for (std::size_t block = 0; block < latents.size(); ++block) {
    const auto means = latents[block].to(at::kCPU, at::kDouble);
    const auto sum = means.sum(0), squares = means.square().sum(0);
    auto &own = sums.means[block], &own_squares = sums.squares[block];
    own = own.defined() ? own + sum : sum;
    own_squares = own_squares.defined() ? own_squares + squares : squares;
  }
}

void add_bits(Sums& sums, const PictureBits& bits) {
  sums.bits += bits.bits_per_dimension.sum().item<double>();
  const auto kl = bits.kl.to(at::kCPU, at::kDouble).sum(0);
  sums.kl = sums.kl.defined() ? sums.kl + kl : kl;
}

void add_drawings(std::vector<LevelScore>& levels, const HierarchicalVae& model,
                  const std::vector<at::Tensor>& latents, const at::Tensor& pictures,
                  std::int64_t shown) {
  for (auto& level : levels) {
    const auto drawn = model.decode({latents.begin(), latents.begin() + level.blocks});
    level.psnr_db += psnr_db(drawn, pictures).sum().item<double>();
    level.ssim += ssim(drawn, pictures).sum().item<double>();
    const auto missing = shown - (level.drawn.defined() ? level.drawn.size(0) : 0);
    const auto some = drawn.narrow(0, 0, std::clamp<std::int64_t>(missing, 0, drawn.size(0))).cpu();
    level.drawn = level.drawn.defined() ? at::cat({level.drawn, some}) : some;
  }
}

std::int64_t active_units(const Sums& sums, std::size_t block, double count) {
  const auto mean = sums.means[block] / count;
  const auto variance = (sums.squares[block] / count - mean.square()) * (count / (count - 1));
  return variance.gt(kLeastVariance).sum().item<std::int64_t>();
}

}  // namespace

HierarchicalScores score_hierarchy(const HierarchicalVae& model, const at::Tensor& pictures,
                                   std::int64_t shown, const at::Generator& generator) {
  const at::NoGradGuard no_gradient;
  if (pictures.size(0) < 2) {
    throw UsageError(text("pictures: expected at least 2, got ", pictures.size(0)));
  }
  HierarchicalScores scores;
  scores.levels = levels_of(model);
  Sums sums;
  for (const auto& part : pictures.split(kBatch)) {
    const auto some = part.to(model.device());
    const auto latents = model.encode(some);
    add_latents(sums, latents);
    add_bits(sums, model.bits_per_dimension(some, generator));
    add_drawings(scores.levels, model, latents, some, shown);
  }
  const auto count = static_cast<double>(pictures.size(0));
  scores.bits_per_dimension = sums.bits / count;
  std::size_t block = 0;
  for (auto& level : scores.levels) {
    level.psnr_db /= count;
    level.ssim /= count;
    for (; block < static_cast<std::size_t>(level.blocks); ++block) {
      const auto kl = sums.kl[static_cast<std::int64_t>(block)].item<double>() / count;
      scores.block_kl_nats.push_back(kl);
      level.kl_nats += kl;
      level.active_units += active_units(sums, block, count);
    }
  }
  return scores;
}

}  // namespace neurosplat
