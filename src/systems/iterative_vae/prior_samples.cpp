#include "neurosplat/systems/iterative_vae/prior_samples.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Pictures decoded at a time.
constexpr std::int64_t kBatch = 256;

at::Tensor drawn(const IterativeVae& model, std::int64_t count, const at::Generator& generator) {
  const auto state = model.initial();
  const auto sizes = at::IntArrayRef({count, model.architecture().latents}).vec();
  if (model.architecture().poisson()) {
    return at::poisson(state[0].exp().expand(sizes).contiguous(), generator);
  }
  return state[0] + state[1].exp() * at::randn(sizes, generator, at::kFloat);
}

}  // namespace

at::Tensor prior_samples(const IterativeVae& model, std::int64_t count, std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  constexpr std::int64_t kMost = 65536, kMostPixels = std::int64_t{1} << 24U;
  const auto pixels = model.architecture().pixels;
  if (count < 1 || count > kMost || count * pixels > kMostPixels) {
    throw UsageError(text("count: expected 1 to ", std::min(kMost, kMostPixels / pixels),
                          " pictures of ", pixels, " pixels, got ", count));
  }
  const auto generator = at::detail::createCPUGenerator(seed);
  auto pictures = at::empty({count, pixels}, at::kFloat);
  for (const auto& some : pictures.split(kBatch)) {
    some.copy_(model.decode(model.activity(drawn(model, some.size(0), generator))));
  }
  return pictures;
}

}  // namespace neurosplat
