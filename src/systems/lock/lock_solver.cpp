#include "neurosplat/systems/lock/lock_solver.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/lock/lock_solvers.h"

namespace neurosplat {
namespace {

/// Samples of one step are drawn together, as a batch.
constexpr std::int64_t kMostSamples = 256;

void expect_positive(const char* name, double value) {
  if (std::isfinite(value) && value > 0) return;
  throw UsageError(text(name, ": expected a number above 0, got ", value));
}

void check_iterative(const LockSolverSettings& settings) {
  if (settings.inner_steps < 1) {
    throw UsageError(text("steps: expected a number >= 1, got ", settings.inner_steps));
  }
  expect_positive("observation_noise", settings.observation_noise);
  expect_positive("natural_rate", settings.natural_rate);
  if (settings.samples < 0 || settings.samples > kMostSamples) {
    throw UsageError(text("samples: expected 0 to ", kMostSamples, ", got ", settings.samples));
  }
  if (!std::isfinite(settings.drift) || settings.drift < 0) {
    throw UsageError(text("drift: expected a number >= 0, got ", settings.drift));
  }
}

}  // namespace

at::Tensor LockSolver::prior_latent(const SplatVae& model, const at::Tensor& frame) const {
  if (!expected_.defined()) return model.latents_of(frame);
  const auto size = model.architecture().latent;
  if (expected_.dim() != 1 || expected_.size(0) != size) {
    throw UsageError(text("expected latent: expected ", size, " numbers, got ", expected_.sizes()));
  }
  return expected_.to(model.device(), at::kFloat).unsqueeze(0);
}

const std::vector<std::string>& lock_solver_names() {
  static const std::vector<std::string> names = {"closed-form", "adam", "latent", "iterative"};
  return names;
}

void check(const LockSolverSettings& settings) {
  const auto& names = lock_solver_names();
  if (std::find(names.begin(), names.end(), settings.solver) == names.end()) {
    throw UsageError(text("solver: expected closed-form, adam, latent or iterative, got '",
                          settings.solver, "'"));
  }
  if (settings.steps < 1) {
    throw UsageError(text("steps: expected a number >= 1, got ", settings.steps));
  }
  expect_positive("lr", settings.learning_rate);
  expect_positive("ridge", settings.ridge);
  expect_positive("latent_rate", settings.latent_rate);
  check_iterative(settings);
  if (!std::isfinite(settings.threshold) || settings.threshold < 0) {
    throw UsageError(text("threshold: expected a number >= 0, got ", settings.threshold));
  }
  if (!(settings.narrowest > 0 && settings.narrowest <= 0.3)) {
    throw UsageError(text("narrowest: expected a number in (0, 0.3], got ", settings.narrowest));
  }
}

std::unique_ptr<LockSolver> make_lock_solver(const SplatVae& model,
                                             const LockSolverSettings& settings) {
  check(settings);
  model.train(false);
  if (settings.solver == "adam") return make_adam_solver(model, settings);
  if (settings.solver == "latent") return make_latent_solver(model, settings);
  if (settings.solver == "iterative") return make_iterative_solver(model, settings);
  return make_closed_form_solver(model, settings);
}

}  // namespace neurosplat
