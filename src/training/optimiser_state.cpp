#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

constexpr OptimiserKind kKinds[] = {OptimiserKind::adam, OptimiserKind::adamw,
                                    OptimiserKind::adamax};

/// Names of a state's tensors.
struct Keys {
  explicit Keys(OptimiserKind kind) : kind_name(name_of(kind)) {}

  std::string kind_name;
  std::string steps = kind_name + ".steps", pending = kind_name + ".pending";
  std::string first = kind_name + ".first.", second = kind_name + ".second.";
  std::string average = kind_name + ".average.", gradient = kind_name + ".gradient.";
};

void check_kind(const TensorFile& file, OptimiserKind expected) {
  if (file.tensors.contains(Keys(expected).steps)) return;
  for (const auto kind : kKinds) {
    if (!file.tensors.contains(Keys(kind).steps)) continue;
    throw Error(text("training state: expected the state of ", name_of(expected), ", got ",
                     name_of(kind), ": resume with the optimiser of the run"));
  }
}

void add(TensorFile& file, const std::string& prefix, const std::vector<std::string>& names,
         const std::vector<at::Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) file.tensors[prefix + names[i]] = tensors[i];
}

std::int64_t read_steps(const TensorFile& file, const std::string& name) {
  const auto steps = find_in_state(file, name, {1}, at::kLong).item<std::int64_t>();
  if (steps >= 0) return steps;
  throw Error(text("training state: expected '", name, "' of at least 0, got ", steps));
}

/// Batches done of a step's `accumulate`.
std::int64_t read_pending(const TensorFile& file, const std::string& name,
                          std::int64_t accumulate) {
  if (!file.tensors.contains(name)) return 0;
  const auto& saved = find_in_state(file, name, {2}, at::kLong);
  const auto done = saved[0].item<std::int64_t>(), all = saved[1].item<std::int64_t>();
  if (all != accumulate) {
    throw Error(text("training state: expected a step of ", accumulate, " batches, got one of ",
                     all, ": resume with as many as before"));
  }
  if (done > 0 && done < all) return done;
  throw Error(text("training state: expected '", name, "' from 1 to ", all - 1, ", got ", done));
}

void copy(const std::vector<at::Tensor>& from, const std::vector<at::Tensor>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
}

}  // namespace

void Optimiser::save(TensorFile& file) const {
  const at::NoGradGuard no_gradient;
  const Keys keys(options_.kind);
  file.tensors[keys.steps] = at::full({1}, steps_, at::kLong);
  if (steps_ > 0) {
    add(file, keys.first, names_, first_);
    add(file, keys.second, names_, second_);
    add(file, keys.average, names_, average_);
  }
  if (pending_ > 0) {
    file.tensors[keys.pending] = at::tensor({pending_, options_.accumulate}, at::kLong);
    add(file, keys.gradient, names_, gradients());
  }
}

std::vector<at::Tensor> Optimiser::find_all(const TensorFile& file,
                                            const std::string& prefix) const {
  std::vector<at::Tensor> found;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    found.push_back(find_in_state(file, prefix + names_[i], parameters_[i].sizes(), at::kFloat));
  }
  return found;
}

void Optimiser::load(const TensorFile& file) {
  const at::NoGradGuard no_gradient;
  const Keys keys(options_.kind);
  check_kind(file, options_.kind);
  const auto steps = read_steps(file, keys.steps);
  const auto pending = read_pending(file, keys.pending, options_.accumulate);
  std::vector<at::Tensor> first, second, average, gradient;
  if (steps > 0) {
    first = find_all(file, keys.first);
    second = find_all(file, keys.second);
    if (options_.average > 0) average = find_all(file, keys.average);
  }
  if (pending > 0) gradient = find_all(file, keys.gradient);

  steps_ = steps;
  pending_ = pending;
  for (const auto& moments : {first_, second_}) at::_foreach_zero_(moments);
  copy(first, first_);
  copy(second, second_);
  average_.clear();
  for (std::size_t i = 0; i < average.size(); ++i) {
    average_.push_back(at::empty_like(parameters_[i]).copy_(average[i]));
  }
  forget_gradients();
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    parameters_[i].mutable_grad() = at::empty_like(parameters_[i]).copy_(gradient[i]);
  }
}

}  // namespace neurosplat
