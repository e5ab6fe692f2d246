#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-live agreement`.
void add_live_agreement(Program& program);
/// `neurosplat-live temporal`.
void add_live_temporal(Program& program);

}  // namespace neurosplat::apps
