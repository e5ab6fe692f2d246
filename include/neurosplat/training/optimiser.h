#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/io/safetensors.h"

namespace neurosplat {

/// Adam and Adamax (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019).
enum class OptimiserKind { adam, adamw, adamax };

std::string name_of(OptimiserKind kind);
/// "adam", "adamw" or "adamax". Throws UsageError.
OptimiserKind optimiser_from_name(const std::string& name);

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::adam;
  double lr = 1e-3;                   ///< above 0
  double beta1 = 0.9, beta2 = 0.999;  ///< 0 to below 1
  double epsilon = 1e-8;              ///< above 0
  double weight_decay = 0;            ///< adamw: of the weights, else added to the gradient
  double clip = 0;                    ///< largest norm of the whole gradient, 0: none
  double skip = 0;                    ///< no step where the norm is above this, 0: always one
  std::int64_t accumulate = 1;        ///< batches a step
  double average = 0;                 ///< decay of the weights' average, below 1, 0: none
};

/// Throws UsageError when an option is out of its range.
void check(const OptimiserOptions& options);

/// Moves named weights down the gradient, as torch.optim does, one fused pass over each; clips,
/// adds up the gradients of several batches and keeps an exponential average of the weights.
/// Everything of it can be saved, so that a resumed run goes on bit by bit.
class Optimiser {
 public:
  /// Takes those of `named` that require a gradient, in the order of their names: float32 leaves
  /// on one device, each dense in some order of its dimensions. Throws Error when one is not or
  /// when there is none, UsageError for options.
  Optimiser(const std::map<std::string, at::Tensor>& named, const OptimiserOptions& options);
  Optimiser(const Optimiser&) = delete;
  Optimiser& operator=(const Optimiser&) = delete;

  /// Takes effect at the next step. Throws Error when negative or not finite; 0 moves nothing.
  void set_learning_rate(double rate);
  /// Largest norm of the whole gradient from the next step on, 0: none. Throws Error when negative
  /// or not finite.
  void set_clip(double norm);

  /// Adds the gradient of a scalar loss, divided by `accumulate`, to the pending ones. Gradients
  /// from before the first batch of a step are forgotten. When the backward pass throws, the
  /// pending ones are forgotten too.
  void backward(const at::Tensor& loss);
  /// After every `accumulate`-th batch: averages the gradient over the processes that train
  /// together (collective), clips, moves the weights and then their average. Returns
  /// whether it did: a gradient whose norm is above `skip` is forgotten instead. Throws Error when
  /// the gradient is not finite: the weights, their moments and average stay as they were, the
  /// pending gradient is forgotten. A weight without a gradient counts as one whose gradient is
  /// zero. A step uses the gradients up: what `grad()` holds afterwards has no meaning.
  bool step_if_due();
  bool backward_and_step(const at::Tensor& loss) {
    backward(loss);
    return step_if_due();
  }

  std::int64_t steps() const { return steps_; }
  /// Norm of the last step's gradient before clipping, also where it was skipped, 0 when this
  /// object has made none.
  double gradient_norm() const { return gradient_norm_; }
  /// The average by name: decay * average + (1 - decay) * weights after each step, the first step
  /// copies (torch.optim.swa_utils.get_ema_multi_avg_fn). The weights themselves before the first
  /// step and where no average is kept. Not copies: the next step changes them. Buffers, such as
  /// the running means of batch normalisation, are not in it.
  std::map<std::string, at::Tensor> averaged() const;

  /// Adds, with `adam`, `adamw` or `adamax` for KIND (not copies, written before the next step):
  /// KIND.steps int64 [1]; after a step KIND.first.NAME and KIND.second.NAME, the running means of
  /// the gradient and of its square (adamax: its largest value), and KIND.average.NAME; between
  /// the batches of a step KIND.pending int64 [2], how many are done and how many there are, and
  /// KIND.gradient.NAME.
  void save(TensorFile& file) const;
  /// Takes all back, or nothing: throws Error when the state is of another kind or other weights.
  /// An average in the file is left there where none is kept.
  void load(const TensorFile& file);

 private:
  void forget_gradients();
  std::vector<at::Tensor> gradients() const;  // zeros where there is none
  // Move the weights; the gradients are divided by `divisor` first.
  void move_fused(const std::vector<at::Tensor>& gradients, std::optional<double> divisor);
  void move_adamax(const std::vector<at::Tensor>& gradients, std::optional<double> divisor);
  void update_average();
  // The tensors `prefix` + NAME of a state, shapes and types checked.
  std::vector<at::Tensor> find_all(const TensorFile& file, const std::string& prefix) const;

  OptimiserOptions options_;
  double rate_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> parameters_, first_, second_;
  std::vector<at::Tensor> average_;  // empty before the first step and where none is kept
  std::int64_t steps_ = 0;
  std::int64_t pending_ = 0;  // batches whose gradients wait for the rest
  double gradient_norm_ = 0;
};

}  // namespace neurosplat
