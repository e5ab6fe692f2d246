#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-live lock`.
void add_live_lock(Program& program);

}  // namespace neurosplat::apps
