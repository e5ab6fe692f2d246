#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>

#include "neurosplat/io/safetensors.h"

namespace neurosplat {

/// Adam over named parameters, so that its moments can be kept in a file.
class NamedAdam {
 public:
  /// Takes those of `tensors` that want a gradient, in the order of their names.
  NamedAdam(const std::map<std::string, at::Tensor>& tensors, double rate);
  ~NamedAdam();

  void set_learning_rate(double rate);
  void zero_grad();
  /// Scales the gradient down to norm `clip` and steps. Throws Error and leaves the weights as
  /// they were when the gradient is not finite.
  void clip_and_step(double clip);

  /// Adds the moments and the count of steps as `adam.*`.
  void save(TensorFile& file) const;
  /// Takes them back. Throws Error when they are of other parameters.
  void load(const TensorFile& file);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tensor `name` of a training state. Throws Error when it is missing or of another shape.
const at::Tensor& find_in_state(const TensorFile& state, const std::string& name,
                                at::IntArrayRef sizes);

}  // namespace neurosplat
