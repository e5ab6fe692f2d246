#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate saccade`.
void add_evaluate_saccade(Program& program);

}  // namespace neurosplat::apps
