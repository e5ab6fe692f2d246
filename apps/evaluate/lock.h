#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate lock`.
void add_evaluate_lock(Program& program);

}  // namespace neurosplat::apps
