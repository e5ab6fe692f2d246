#pragma once

#include <memory>
#include <vector>

#include "neurosplat/page/offered_models.h"
#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/live_model.h"

namespace neurosplat::apps {

/// `neurosplat-live agreement`.
void add_live_agreement(Program& program, const std::vector<ModelMode>& modes);
/// `neurosplat-live saccade`.
void add_live_saccade(Program& program, const std::vector<ModelMode>& modes);
/// `neurosplat-live temporal`.
void add_live_temporal(Program& program, const std::vector<ModelMode>& modes);
/// These ways of seeing for the live commands, whose keys choose among `modes`.
ModelMode agreement_mode();
ModelMode saccade_mode();
ModelMode temporal_mode();
/// Agreement and saccades for the page of `neurosplat-live serve`.
ServedPart cortex_part(const std::shared_ptr<OfferedModels<SplatVae>>& models);
/// `neurosplat-evaluate agreement`.
void add_evaluate_agreement(Program& program);
/// `neurosplat-evaluate novelty`.
void add_evaluate_novelty(Program& program);
/// `neurosplat-evaluate prior-alignment`.
void add_evaluate_prior_alignment(Program& program);
/// `neurosplat-evaluate saccade`.
void add_evaluate_saccade(Program& program);

}  // namespace neurosplat::apps
