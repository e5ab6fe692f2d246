#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train iterative-vae`.
void add_train_iterative_vae(Program& program);
/// `neurosplat-evaluate ivae-convergence`.
void add_evaluate_ivae_convergence(Program& program);
/// `neurosplat-evaluate ivae-rate-distortion`.
void add_evaluate_ivae_rate_distortion(Program& program);
/// `neurosplat-evaluate ivae-mnist`.
void add_evaluate_ivae_mnist(Program& program);

}  // namespace neurosplat::apps
