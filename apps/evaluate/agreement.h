#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate agreement`.
void add_evaluate_agreement(Program& program);
/// `neurosplat-evaluate novelty`.
void add_evaluate_novelty(Program& program);

}  // namespace neurosplat::apps
