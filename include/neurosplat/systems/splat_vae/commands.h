#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train splat-vae`.
void add_train_splat_vae(Program& program);
/// `neurosplat-train latent-flow`.
void add_train_latent_flow(Program& program);
/// `neurosplat-sample splat-vae`.
void add_sample_splat_vae(Program& program);
/// `neurosplat-evaluate reconstruction`.
void add_evaluate_reconstruction(Program& program);
/// `neurosplat-evaluate samples`.
void add_evaluate_samples(Program& program);

}  // namespace neurosplat::apps
