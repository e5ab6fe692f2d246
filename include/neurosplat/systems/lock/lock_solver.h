#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// What a solver makes of a frame. Tensors on the CPU, float32, without gradients.
struct LockView {
  at::Tensor prior;        ///< [3, S, S], what the model expects
  at::Tensor locked;       ///< [3, S, S], what the packets draw now
  at::Tensor packets;      ///< [N, 11] activated; coefficients may leave [-1, 1] (linear amplitude)
  double psnr_db = 0;      ///< of `locked` against the frame
  std::int64_t steps = 0;  ///< updates made for this frame
};

/// Lets packets follow one frame after another. State in, frame and time in, state out: a solver
/// keeps its state between frames, spends up to the budget on each and can be stopped after any
/// step. However small the budget, the closed form solves once for each frame and shows the prior
/// where that is nearer to it; the descents, which start from the prior, then show the prior, and
/// the iterative solver shows what it kept or the prior, whichever is nearer.
class LockSolver {
 public:
  virtual ~LockSolver() = default;

  /// frame: float [3, S, S] in [0, 1]. budget_ms: wall-clock milliseconds for this call, > 0;
  /// exceeded by one step at most, and by the least work of a frame where that takes longer.
  virtual LockView follow(const at::Tensor& frame, double budget_ms) = 0;
  /// Forgets everything seen: the next frame is the first.
  virtual void reset() = 0;

  /// From now on the prior of each frame is this latent, [latent], until another one comes: what
  /// something else than the encoder says of it, spikes for one. Undefined: the encoder's again.
  void expect(const at::Tensor& latent) { expected_ = latent; }

 protected:
  /// [1, latent] on the model's device: what is expected of a frame [1, 3, S, S]. Throws UsageError
  /// for a latent of another size.
  at::Tensor prior_latent(const SplatVae& model, const at::Tensor& frame) const;

 private:
  at::Tensor expected_;
};

enum class Geometry { picture, anchors, decoder };

struct LockSolverSettings {
  std::string solver = "closed-form";  ///< one of lock_solver_names()
  // Adam on all raw numbers from the decoder's packets, each frame: docs/neuro-splat.md, "Lock".
  std::int64_t steps = 5;  ///< most updates a frame
  double learning_rate = 0.2;
  // Closed form: the coefficients by the Gram solve.
  Geometry geometry = Geometry::picture;  ///< where the packets stand at first
  double ridge = 1e-2;                    ///< inhibition between overlapping packets
  double threshold = 0.0;                 ///< soft threshold on amplitudes, as in LCA; 0: none
  double narrowest = 0.02;                ///< no packet's width falls below, (0, 0.3]; of the side
  bool adapt = true;                      ///< move the geometry in what is left of the budget
  // Latent: Adam on the latent numbers.
  double latent_rate = 0.2;
  // Iterative: natural gradients in a Gaussian over the latent numbers, which is kept from frame to
  // frame (neurosplat/training/natural_gradient.h): docs/lock.md, "The iterative solver".
  std::int64_t inner_steps = 1;     ///< most updates a frame
  double observation_noise = 0.18;  ///< s of |frame - drawn|^2 / (2 s^2), colours in [0, 1]
  double natural_rate = 1;          ///< of 1: the whole natural gradient
  std::int64_t samples = 2;         ///< of the posterior in a step, 0 to 256; 0: its mean alone
  double drift = 0;                 ///< standard deviation by which a latent may change in a frame
  std::uint64_t noise_seed = 0;     ///< of the samples; reset() begins it anew
};

/// Names for help and errors: "closed-form", "adam", "latent", "iterative".
const std::vector<std::string>& lock_solver_names();

/// Throws UsageError for a setting that cannot be.
void check(const LockSolverSettings& settings);

/// The model, whose weights are shared, is put into evaluation mode.
std::unique_ptr<LockSolver> make_lock_solver(const SplatVae& model,
                                             const LockSolverSettings& settings);

}  // namespace neurosplat
