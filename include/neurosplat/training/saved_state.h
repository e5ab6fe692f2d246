#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "neurosplat/io/safetensors.h"

namespace neurosplat {

/// The tensor `name` of a saved training state. Throws Error when it is missing or of another
/// shape.
const at::Tensor& find_in_state(const TensorFile& state, const std::string& name,
                                at::IntArrayRef sizes);

/// The same, which also throws Error when its numbers are of another type.
const at::Tensor& find_in_state(const TensorFile& state, const std::string& name,
                                at::IntArrayRef sizes, at::ScalarType type);

}  // namespace neurosplat
