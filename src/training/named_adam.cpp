#include "neurosplat/training/named_adam.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "training/fused_adam.h"

namespace neurosplat {
namespace {

const std::string kFirst = "adam.first.", kSecond = "adam.second.", kSteps = "adam.steps";

}  // namespace

struct NamedAdam::State {
  State(const std::map<std::string, at::Tensor>& tensors, double rate)
      : adam(trainable(tensors), rate) {}

  std::vector<at::Tensor> trainable(const std::map<std::string, at::Tensor>& tensors) {
    std::vector<at::Tensor> found;
    for (const auto& [name, tensor] : tensors) {
      if (!tensor.requires_grad()) continue;
      names.push_back(name);
      found.push_back(tensor);
    }
    return found;
  }

  std::vector<std::string> names;
  FusedAdam adam;
};

NamedAdam::NamedAdam(const std::map<std::string, at::Tensor>& tensors, double rate)
    : state_(std::make_unique<State>(tensors, rate)) {}

NamedAdam::~NamedAdam() = default;

void NamedAdam::set_learning_rate(double rate) {
  state_->adam.set_learning_rate(rate);
}

void NamedAdam::zero_grad() {
  state_->adam.forget_gradients();
}

void NamedAdam::clip_and_step(double clip) {
  if (!std::isfinite(state_->adam.step(clip))) throw Error("the gradient is not finite");
}

void NamedAdam::save(TensorFile& file) const {
  const auto& adam = state_->adam;
  for (std::size_t i = 0; adam.steps() > 0 && i < state_->names.size(); ++i) {
    file.tensors[kFirst + state_->names[i]] = adam.first_moments()[i];
    file.tensors[kSecond + state_->names[i]] = adam.second_moments()[i];
  }
  file.tensors[kSteps] = at::full({1}, adam.steps(), at::kLong);
}

void NamedAdam::load(const TensorFile& file) {
  auto& adam = state_->adam;
  const auto steps = find_in_state(file, kSteps, {1}).item<std::int64_t>();
  std::vector<at::Tensor> first, second;
  for (std::size_t i = 0; steps > 0 && i < state_->names.size(); ++i) {
    const auto sizes = adam.parameters()[i].sizes();
    first.push_back(find_in_state(file, kFirst + state_->names[i], sizes));
    second.push_back(find_in_state(file, kSecond + state_->names[i], sizes));
  }
  if (steps > 0) adam.restore(steps, first, second);
}

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

}  // namespace neurosplat
