#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate koopman`.
void add_evaluate_koopman(Program& program);

}  // namespace neurosplat::apps
