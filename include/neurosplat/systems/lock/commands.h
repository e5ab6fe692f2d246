#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-live lock`.
void add_live_lock(Program& program);
/// `neurosplat-evaluate lock`.
void add_evaluate_lock(Program& program);

}  // namespace neurosplat::apps
