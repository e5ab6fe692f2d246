#pragma once

#include <memory>

#include "neurosplat/page/offered_models.h"
#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

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
/// The models that modes of `neurosplat-live serve` choose among.
ServedPart splat_models_part(const std::shared_ptr<OfferedModels<SplatVae>>& models);

}  // namespace neurosplat::apps
