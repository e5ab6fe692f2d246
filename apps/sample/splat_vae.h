#pragma once

#include "common/program.h"

namespace neurosplat::apps {

/// `neurosplat-sample splat-vae`.
void add_sample_splat_vae(Program& program);

}  // namespace neurosplat::apps
