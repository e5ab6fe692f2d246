#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/systems/patch_flow/patch_flow.h"
#include "neurosplat/training/flow_matching.h"

namespace neurosplat {

/// The author's preview: the noise [B, 3, S, S], then what is foretold at every fourth step (and
/// at the last), a column a picture: float [3, H, W] in [0, 1]. Below them `described` [B, 3, S, S]
/// in [0, 1], what the conditions are of, where it is defined.
at::Tensor preview_strip(const PatchFlow& model, const at::Tensor& noise, const FlowSteps& steps,
                         const Conditions& conditions = {}, const at::Tensor& described = {});

}  // namespace neurosplat
