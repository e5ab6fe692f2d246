#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
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

/// What every update keeps beside its optimiser: a model's weights as `model.NAME`, and the
/// generator of its noise as `random.noise`. Weights are not copied.
void add_weights(TensorFile& state, const std::map<std::string, at::Tensor>& weights);
std::map<std::string, at::Tensor> weights_in(const TensorFile& state);
void add_noise(TensorFile& state, const at::Generator& noise);
/// Throws Error when there is none, or one of another kind.
void load_noise(const TensorFile& state, at::Generator& noise);

}  // namespace neurosplat
