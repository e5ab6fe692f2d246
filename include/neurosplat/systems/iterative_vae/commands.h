#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train iterative-vae`.
void add_train_iterative_vae(Program& program);
/// `neurosplat-evaluate ivae-speed`.
void add_evaluate_ivae_speed(Program& program);

}  // namespace neurosplat::apps
