#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-train splat-vae`.
void add_train_splat_vae(Program& program);

}  // namespace neurosplat::apps
