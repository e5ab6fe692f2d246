#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train patch-flow`.
void add_train_patch_flow(Program& program);
/// `neurosplat-sample patch-flow`.
void add_sample_patch_flow(Program& program);

}  // namespace neurosplat::apps
