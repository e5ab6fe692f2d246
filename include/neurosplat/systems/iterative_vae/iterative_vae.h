#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace neurosplat {

/// Sizes and kind of an iterative VAE.
struct IterativeVaeArchitecture {
  std::string model = "poisson";        ///< poisson or gaussian
  std::string activation = "identity";  ///< of Gaussian latents, activation_names()
  std::string decoder = "lin";          ///< lin, mlp or conv
  std::int64_t pixels = 256, latents = 512;

  bool poisson() const { return model == "poisson"; }
  bool has_gain() const { return activation != "identity"; }
  bool operator==(const IterativeVaeArchitecture&) const = default;
};

/// "identity", "relu", "logistic", ...: docs/iterative-vae.md, "Activations".
const std::vector<std::string>& activation_names();

/// f(z) of the menu, elementwise, differentiable. Throws UsageError for another name.
at::Tensor activate(const std::string& activation, const at::Tensor& z);

/// State of the recurrent inference of a batch: Poisson [log-rates], Gaussian [means, log sigmas],
/// each [B, latents].
using InferenceState = std::vector<at::Tensor>;

/// The generative model and what its inference learns ("Brain-like variational inference", NeurIPS
/// 2025): x | z ~ N(decode(a(z)), diag s^2); a(z) = z, or e^g f(z). A handle: copies share weights.
class IterativeVae {
 public:
  /// Throws UsageError for sizes or names that cannot be.
  explicit IterativeVae(const IterativeVaeArchitecture& architecture, std::uint64_t seed = 0);

  const IterativeVaeArchitecture& architecture() const { return architecture_; }
  std::int64_t parameters() const;

  /// Leaves by name: decoder.weight [pixels, latents] (lin; mlp and conv have layers of their own),
  /// log_scale [pixels], prior.log_rate or prior.mean and prior.log_sigma [latents], log_bias
  /// [latents], log_step [1 or 2], log_gain [latents] with an activation.
  const std::map<std::string, at::Tensor>& state() const { return tensors_; }
  /// Copies the tensors in. Throws Error when one is missing or of another shape.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;
  /// Moves the weights, and makes them of another float type where one is given.
  void to(const at::Device& device, at::ScalarType type = at::kFloat);

  /// e^g f(z), or z.
  at::Tensor activity(const at::Tensor& z) const;
  /// Expected pixels [B, pixels] for activities [B, latents].
  at::Tensor decode(const at::Tensor& activity) const;
  /// [pixels]: the decoder's standard deviation, its logarithm softly clamped to 3.45.
  at::Tensor scale() const;
  /// The learned prior, [1, latents] each: where inference starts.
  InferenceState initial() const;
  /// e^b, the metabolic current, [latents].
  at::Tensor bias_current() const;
  /// e^l, one number a state tensor.
  at::Tensor step_sizes() const;

 private:
  const at::Tensor& tensor(const std::string& name) const { return tensors_.at(name); }

  IterativeVaeArchitecture architecture_;
  std::map<std::string, at::Tensor> tensors_;
};

/// The architecture that the tensors of a model file have. Throws Error where they are of no
/// iterative VAE; `activation` is not in them.
IterativeVaeArchitecture architecture_of(const std::map<std::string, at::Tensor>& tensors,
                                         const std::string& activation);

}  // namespace neurosplat
