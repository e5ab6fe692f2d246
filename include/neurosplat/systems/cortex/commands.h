#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-live agreement`.
void add_live_agreement(Program& program);
/// `neurosplat-live saccade`.
void add_live_saccade(Program& program);
/// `neurosplat-live temporal`.
void add_live_temporal(Program& program);
/// `neurosplat-evaluate agreement`.
void add_evaluate_agreement(Program& program);
/// `neurosplat-evaluate novelty`.
void add_evaluate_novelty(Program& program);
/// `neurosplat-evaluate prior-alignment`.
void add_evaluate_prior_alignment(Program& program);
/// `neurosplat-evaluate saccade`.
void add_evaluate_saccade(Program& program);

}  // namespace neurosplat::apps
