#pragma once

#include <cstdint>

#include "neurosplat/simd/product.h"
#include "neurosplat/simd/random.h"

/// One row (one picture) of the iterative VAE's loop: K latents or M pixels, K a multiple of 32 and
/// M of 16. Plain pointers; no torch, no allocation, no threads. The formulas and their gradients
/// are derived in docs/iterative-vae.md, "The loop"; `adjoint` is the loss's derivative.
namespace neurosplat::ivae {

/// Added to every rate, so that no wait is infinite.
inline constexpr float kRateFloor = 1.2e-7f;

/// How arrivals before time 1 are counted: as they are, or by a smooth step of width `temperature`.
enum class Counting { hard, sigmoid, cubic };

struct PoissonSample {
  std::int64_t count;
  const float* log_rate;
  simd::RandomKey key;
  Counting counting;
  float temperature;
  std::int32_t most;  ///< arrivals at most
  float* sample;
  float* slope;  ///< d sample / d log_rate; not written where null, or for hard counting
};

struct PoissonStep {
  std::int64_t count;
  const float *drive, *state, *prior, *bias;  ///< bias: a current, e^b
  float rate, leak;                           ///< step size e^l; weight of state - prior
  float ceiling_state, ceiling_change;
  float* next;
  // For the way back; all null where there is none. `change` may be `drive`.
  float *change, *through, *kept;  ///< before clamping; d next / d change; d next / d state
};

/// Adjoints of one step. `adjoint` comes in as d L / d next and leaves as d L / d state.
struct PoissonBack {
  std::int64_t count;
  const float *next, *prior, *sample_adjoint, *slope, *change, *through, *kept;
  float rate, leak, kl_weight;
  bool exact_kl;
  float* adjoint;
  float* prior_adjoint;  ///< added to; may be `adjoint`, which is then the sum
  float* drive_adjoint;  ///< may be `change`
  float* bias_adjoint;   ///< added to
};

struct GaussianSample {
  std::int64_t count;
  const float *mean, *log_sigma;
  simd::RandomKey key;
  const float* gain;  ///< of a = gain * max(z, 0); null for a = z
  float *activity, *noise;
};

struct GaussianStep {
  std::int64_t count;
  /// activity and noise of the sample that gave the drive, which is before the activation's slope.
  const float *drive, *activity, *noise, *gain, *bias;
  const float *mean, *log_sigma, *prior_mean, *prior_log_sigma;
  float rate_mean, rate_log_sigma, leak;
  float ceiling_mean, ceiling_log_sigma, ceiling_mean_change, ceiling_log_sigma_change;
  float *next_mean, *next_log_sigma;
  // For the way back; all null where there is none.
  float *change_mean, *change_log_sigma, *through_mean, *through_log_sigma, *kept_mean,
      *kept_log_sigma;
};

struct GaussianBack {
  GaussianStep step;                        ///< as it was made
  const float *next_activity, *next_noise;  ///< of the sample at `next`
  const float* activity_adjoint;            ///< of that sample
  float kl_weight;
  float *adjoint_mean, *adjoint_log_sigma;
  float *prior_adjoint_mean, *prior_adjoint_log_sigma;  ///< as in PoissonBack
  float* drive_adjoint;                                 ///< may be step.change_mean
  float *bias_adjoint, *log_gain_adjoint;               ///< added to; the latter with `gain` only
};

struct StepAdjoints {
  float log_rate, second_log_rate;  ///< of the log step sizes; second: of log sigma's
};

/// The residual of one row of pixels.
struct Residual {
  std::int64_t count;
  const float *picture, *expected, *precision;
  float* error;  ///< (picture - expected) * precision; may be `expected`
};

struct ResidualBack {
  std::int64_t count;
  const float *error, *precision;
  const float* error_adjoint;  ///< null for none
  float loss_weight;           ///< of half the squared error times precision
  float* expected_adjoint;
  float* precision_adjoint;  ///< added to
};

struct Kernels {
  void (*poisson_sample)(const PoissonSample&);
  void (*poisson_step)(const PoissonStep&);
  StepAdjoints (*poisson_back)(const PoissonBack&);
  /// Sum over the row of KL(next || prior), nats; as coded by the authors or exact.
  float (*poisson_kl)(std::int64_t count, const float* next, const float* prior, bool exact);
  /// adjoint += sample_adjoint * slope, of the first sample.
  void (*poisson_first_back)(std::int64_t count, const float* sample_adjoint, const float* slope,
                             float* adjoint);
  void (*gaussian_sample)(const GaussianSample&);
  void (*gaussian_step)(const GaussianStep&);
  StepAdjoints (*gaussian_back)(const GaussianBack&);
  float (*gaussian_kl)(std::int64_t count, const float* mean, const float* log_sigma,
                       const float* prior_mean, const float* prior_log_sigma);
  /// The same for the first sample of a Gaussian; `next...` of the record belong to it.
  void (*gaussian_first_back)(const GaussianBack&);
  /// Half the squared error times precision, summed.
  float (*residual)(const Residual&);
  void (*residual_back)(const ResidualBack&);
  void (*product)(const simd::Product&);
};

/// For the instruction set in use (simd/instruction_set.h).
const Kernels& kernels();

}  // namespace neurosplat::ivae
