#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train hierarchical-vae`.
void add_train_hierarchical_vae(Program& program);
/// `neurosplat-sample hierarchical-vae`.
void add_sample_hierarchical_vae(Program& program);
/// `neurosplat-evaluate hierarchical-vae`.
void add_evaluate_hierarchical_vae(Program& program);

}  // namespace neurosplat::apps
