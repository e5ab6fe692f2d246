#include "neurosplat/training/saved_state.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

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

}  // namespace neurosplat
