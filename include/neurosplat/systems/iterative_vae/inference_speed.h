#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// What a speed is measured of.
struct SpeedCase {
  IterativeVaeArchitecture sizes;
  std::int64_t steps = 16, batch = 200;
};

/// Medians over repetitions in one process, in alternation, on noise in place of pictures.
struct TrainingSpeed {
  SpeedCase measured;
  double fused_patches_per_second = 0;
  /// Tensor by tensor with fresh samples, as published; 0 where not measured.
  double eager_patches_per_second = 0;
};

/// A whole training step, optimiser included, as in the second half of a run: temperature .01, full
/// beta. `weights`: of such a model, whose rates decide what samples cost; fresh ones without.
/// `seconds` for each of the two.
TrainingSpeed measure_training(const SpeedCase& measured,
                               const std::optional<IterativeVae>& weights, bool eager,
                               double seconds);

/// Steps of online inference a second times pictures, on the threads that operations have.
double patch_steps_per_second(const IterativeVae& model, std::int64_t batch, double seconds);

/// Median microseconds of one online step on one picture.
double online_step_us(const IterativeVae& model, double seconds);

/// GFLOP/s of LibTorch's float32 product of 1024 x 1024 matrices, on as many threads.
double matrix_product_gflops(double seconds);

/// Multiplications and additions of the products of one training step for one patch.
double training_flops(const SpeedCase& measured);

}  // namespace neurosplat
