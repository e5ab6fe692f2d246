#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train splat-predictor`.
void add_train_splat_predictor(Program& program);
/// `neurosplat-evaluate koopman`.
void add_evaluate_koopman(Program& program);

}  // namespace neurosplat::apps
