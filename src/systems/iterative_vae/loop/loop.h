#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"
#include "systems/iterative_vae/loop/loop_kernels.h"

namespace neurosplat::ivae {

/// Bounds of the state and of its change, softly clamped; for Poisson the first number of each.
struct Ceilings {
  double state[2], change[2];
};
/// From the tightest (`openness` 0) to the loosest (1, as at test).
Ceilings ceilings(bool poisson, double openness);

/// KL(next || prior) in nats of each picture, [B]: one tensor a state of Poisson, two of Gaussian
/// latents. `exact` concerns Poisson alone; else it is as the authors coded it.
at::Tensor divergence(const InferenceState& next, const InferenceState& prior, bool exact);

/// How a batch is inferred and scored.
struct LoopSettings {
  std::int64_t frames = 16, inner = 1;  ///< steps, each scored; iterations in each
  double beta = 1, beta_inner = 1;      ///< weight of the KL divergence; of the leak within a step
  bool exact_kl = false;
  bool shared_samples = true;
  double openness = 1;
  Counting counting = Counting::hard;
  double temperature = 0;
  /// Arrivals at most by sample, samples() of them; empty: no bound.
  std::vector<std::int32_t> most = {};
  std::uint64_t seed = 0, batch_number = 0;  ///< which noise
  /// The rows are number `part` of a whole batch and every parts-th after it.
  std::int64_t part = 0, parts = 1;

  std::int64_t iterations() const { return frames * inner; }
  /// Samples 0 to iterations(): the first is of the state that the loop begins with.
  std::int64_t samples() const { return iterations() + 1; }
  /// The stream of a row's sample; for fewer than 2^20 rows of the whole batch and samples.
  simd::RandomKey key(std::int64_t row, std::int64_t sample) const {
    return simd::random_key(seed, (batch_number << 40) +
                                      (static_cast<std::uint64_t>(row * parts + part) << 20) +
                                      static_cast<std::uint64_t>(sample));
  }
};

/// What a loop gives. Divergences in nats, a picture.
struct LoopResult {
  at::Tensor loss;  ///< scalar: mean over pictures and frames, with its graph where asked for
  std::vector<double> nll_by_frame, kl_by_frame;  ///< means over the pictures
  std::vector<float> largest_log_rate;            ///< of each sample; Poisson
  InferenceState state;                           ///< after the last frame, detached
};

/// Whether the fused loop takes such a model.
bool can_fuse(const IterativeVaeArchitecture& sizes);

/// -log p(x | z) + beta KL over `frames` steps on x [B, pixels] from `state` [B, latents] each:
/// float32 on the CPU. The loss is differentiable in the model's weights and in `state`.
LoopResult fused_loop(const IterativeVae& model, const at::Tensor& x, const InferenceState& state,
                      const LoopSettings& settings);

/// Noise of a batch's samples, tensor by tensor.
class Noise {
 public:
  virtual ~Noise() = default;
  /// Waits with mean 1 [most, B, latents]. `sample` numbers them; with fresh samples those that
  /// drive are numbered from settings.samples() on.
  virtual at::Tensor waits(std::int64_t sample, at::IntArrayRef sizes) = 0;
  /// N(0, 1) [B, latents].
  virtual at::Tensor normal(std::int64_t sample, at::IntArrayRef sizes) = 0;
  /// Poisson counts of these rates.
  virtual at::Tensor counts(std::int64_t sample, const at::Tensor& rates) = 0;
};
/// Of a seeded generator on the CPU, whatever the device; float type and device as `options` say.
/// Waits and normal numbers are those of the rows that LoopSettings' `part` and `parts` say.
std::unique_ptr<Noise> random_noise(const at::TensorOptions& options, std::uint64_t seed,
                                    std::int64_t part = 0, std::int64_t parts = 1);

/// The same tensor by tensor: for any decoder and activation, device and float type. Relaxed counts
/// need settings.most.
LoopResult eager_loop(const IterativeVae& model, const at::Tensor& x, const InferenceState& state,
                      const LoopSettings& settings, Noise& noise);

}  // namespace neurosplat::ivae
