#pragma once

#include <memory>

#include "neurosplat/systems/lock/lock_solver.h"

namespace neurosplat {

/// Each in its own file.
std::unique_ptr<LockSolver> make_adam_solver(const SplatVae& model,
                                             const LockSolverSettings& settings);
std::unique_ptr<LockSolver> make_latent_solver(const SplatVae& model,
                                               const LockSolverSettings& settings);
std::unique_ptr<LockSolver> make_iterative_solver(const SplatVae& model,
                                                  const LockSolverSettings& settings);
std::unique_ptr<LockSolver> make_closed_form_solver(const SplatVae& model,
                                                    const LockSolverSettings& settings);

}  // namespace neurosplat
