#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate reconstruction`.
void add_evaluate_reconstruction(Program& program);

}  // namespace neurosplat::apps
