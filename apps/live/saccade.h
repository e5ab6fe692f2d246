#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-live saccade`.
void add_live_saccade(Program& program);

}  // namespace neurosplat::apps
