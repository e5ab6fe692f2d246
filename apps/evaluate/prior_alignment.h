#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-evaluate prior-alignment`.
void add_evaluate_prior_alignment(Program& program);

}  // namespace neurosplat::apps
