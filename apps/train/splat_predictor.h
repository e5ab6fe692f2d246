#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-train splat-predictor`.
void add_train_splat_predictor(Program& program);

}  // namespace neurosplat::apps
