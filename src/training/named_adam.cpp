#include "training/named_adam.h"

#include <ATen/ATen.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

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

  std::vector<at::Tensor>& parameters() { return adam.param_groups()[0].params(); }

  torch::optim::AdamParamState* moments(const at::Tensor& parameter) {
    const auto found = adam.state().find(parameter.unsafeGetTensorImpl());
    if (found == adam.state().end()) return nullptr;
    return static_cast<torch::optim::AdamParamState*>(found->second.get());
  }

  std::vector<std::string> names;
  torch::optim::Adam adam;
};

NamedAdam::NamedAdam(const std::map<std::string, at::Tensor>& tensors, double rate)
    : state_(std::make_unique<State>(tensors, rate)) {}

NamedAdam::~NamedAdam() = default;

void NamedAdam::set_learning_rate(double rate) {
  state_->adam.param_groups()[0].options().set_lr(rate);
}

void NamedAdam::zero_grad() {
  state_->adam.zero_grad();
}

void NamedAdam::clip_and_step(double clip) {
  const double norm = torch::nn::utils::clip_grad_norm_(state_->parameters(), clip);
  if (!std::isfinite(norm)) throw Error("the gradient is not finite");
  state_->adam.step();
}

void NamedAdam::save(TensorFile& file) const {
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < state_->names.size(); ++i) {
    const auto* moments = state_->moments(state_->parameters()[i]);
    if (moments == nullptr) continue;  // no step was made yet
    file.tensors[kFirst + state_->names[i]] = moments->exp_avg();
    file.tensors[kSecond + state_->names[i]] = moments->exp_avg_sq();
    steps = moments->step();
  }
  file.tensors[kSteps] = at::full({1}, steps, at::kLong);
}

void NamedAdam::load(const TensorFile& file) {
  const auto steps = find_in_state(file, kSteps, {1}).item<std::int64_t>();
  for (std::size_t i = 0; steps > 0 && i < state_->names.size(); ++i) {
    const auto& parameter = state_->parameters()[i];
    const auto take = [&](const std::string& prefix) {
      return find_in_state(file, prefix + state_->names[i], parameter.sizes())
          .to(parameter.device());
    };
    auto moments = std::make_unique<torch::optim::AdamParamState>();
    moments->step(steps);
    moments->exp_avg(take(kFirst));
    moments->exp_avg_sq(take(kSecond));
    state_->adam.state()[parameter.unsafeGetTensorImpl()] = std::move(moments);
  }
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
