#include "neurosplat/training/saved_state.h"

#include <c10/util/Exception.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

const std::string kModel = "model.", kNoise = "random.noise";

}  // namespace

const at::Tensor& find_in_state(const TensorFile& state, const std::string& name,
                                at::IntArrayRef sizes) {
  const auto found = state.tensors.find(name);
  if (found == state.tensors.end()) {
    throw Error(text("training state: expected a tensor '", name, "', found none"));
  }
  if (found->second.sizes() != sizes) {
    throw Error(text("training state: expected '", name, "' of shape ", sizes, ", got ",
                     found->second.sizes()));
  }
  return found->second;
}

const at::Tensor& find_in_state(const TensorFile& state, const std::string& name,
                                at::IntArrayRef sizes, at::ScalarType type) {
  const auto& found = find_in_state(state, name, sizes);
  if (found.scalar_type() != type) {
    throw Error(text("training state: expected '", name, "' of type ", type, ", got ",
                     found.scalar_type()));
  }
  return found;
}

void add_weights(TensorFile& state, const std::map<std::string, at::Tensor>& weights) {
  for (const auto& [name, tensor] : weights) state.tensors[kModel + name] = tensor.detach();
}

std::map<std::string, at::Tensor> weights_in(const TensorFile& state) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(kModel)) weights[name.substr(kModel.size())] = tensor;
  }
  return weights;
}

void add_noise(TensorFile& state, const at::Generator& noise) {
  state.tensors[kNoise] = noise.get_state();
}

void load_noise(const TensorFile& state, at::Generator& noise) {
  const auto fresh = noise.get_state();
  const auto& saved = find_in_state(state, kNoise, fresh.sizes(), fresh.scalar_type());
  try {
    noise.set_state(saved);
  } catch (const c10::Error&) {
    throw Error(text("training state: expected '", kNoise,
                     "' to be a generator's state, got other bytes: resume an older checkpoint"));
  }
}

}  // namespace neurosplat
