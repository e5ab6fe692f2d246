#pragma once

#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// `neurosplat-train patch-flow`.
void add_train_patch_flow(Program& program);
/// `neurosplat-sample patch-flow`.
void add_sample_patch_flow(Program& program);

/// `neurosplat-evaluate patch-flow-kernels`.
void add_evaluate_patch_flow_kernels(Program& program);
/// `neurosplat-evaluate patch-flow-seams`.
void add_evaluate_patch_flow_seams(Program& program);
/// `neurosplat-evaluate patch-flow-quality`.
void add_evaluate_patch_flow_quality(Program& program);

}  // namespace neurosplat::apps
