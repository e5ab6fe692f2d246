#include "neurosplat/systems/lock/lock_solver.h"

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/lock/lock_solvers.h"

namespace neurosplat {
namespace {

void expect_positive(const char* name, double value) {
  if (std::isfinite(value) && value > 0) return;
  throw UsageError(text(name, ": expected a number above 0, got ", value));
}

}  // namespace

const std::vector<std::string>& lock_solver_names() {
  static const std::vector<std::string> names = {"closed-form", "adam", "latent"};
  return names;
}

void check(const LockSolverSettings& settings) {
  if (settings.solver != "closed-form" && settings.solver != "adam" &&
      settings.solver != "latent") {
    throw UsageError(
        text("solver: expected closed-form, adam or latent, got '", settings.solver, "'"));
  }
  if (settings.steps < 1) {
    throw UsageError(text("steps: expected a number >= 1, got ", settings.steps));
  }
  expect_positive("lr", settings.learning_rate);
  expect_positive("ridge", settings.ridge);
  expect_positive("latent_rate", settings.latent_rate);
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
  return make_closed_form_solver(model, settings);
}

}  // namespace neurosplat
