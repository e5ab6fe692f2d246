#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train iterative-vae`.
void add_train_iterative_vae(Program& program);

}  // namespace neurosplat::apps
