#pragma once

#include <memory>
#include <vector>

#include "neurosplat/page/offered_models.h"
#include "neurosplat/page/served_part.h"
#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/live_model.h"

namespace neurosplat::apps {

/// `neurosplat-live lock`.
void add_live_lock(Program& program, const std::vector<ModelMode>& modes);
/// That way of seeing for the live commands, whose keys choose among `modes`.
ModelMode lock_mode();
/// The same for the page of `neurosplat-live serve`.
ServedPart lock_part(const std::shared_ptr<OfferedModels<SplatVae>>& models);
/// `neurosplat-evaluate budget`: where a splat VAE loses its decibels.
void add_evaluate_budget(Program& program);
/// `neurosplat-evaluate lock`.
void add_evaluate_lock(Program& program);

}  // namespace neurosplat::apps
