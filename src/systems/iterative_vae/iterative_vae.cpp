#include "neurosplat/systems/iterative_vae/iterative_vae.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/option_range.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

/// Bound of the logarithm of the decoder's standard deviation.
constexpr double kScaleBound = 3.45;
/// Spread of a dictionary's first weights, and of the last layers of other decoders.
constexpr double kFirstSpread = 1e-4, kLastLayerSpread = 1e-2;
constexpr std::int64_t kHidden = 512, kChannels = 64;

/// The side of a square of so many pixels, 0 where they are none.
std::int64_t side_of(std::int64_t pixels) {
  const auto side = std::llround(std::sqrt(static_cast<double>(pixels)));
  return side * side == pixels ? side : 0;
}

void check(const IterativeVaeArchitecture& sizes) {
  check_option("model", OneOf{{"poisson", "gaussian"}}, sizes.model);
  check_option("latent_act", OneOf{activation_names()}, sizes.activation);
  check_option("decoder", OneOf{{"lin", "mlp", "conv"}}, sizes.decoder);
  check_option("n_latents", Between{1, 65536}, sizes.latents);
  check_option("pixels", Between{1, 65536}, sizes.pixels);
  if (sizes.poisson() && sizes.activation != "identity") {
    throw UsageError(
        text("latent_act: expected identity for poisson, whose latents are counts, got ",
             sizes.activation));
  }
  const auto side = side_of(sizes.pixels);
  if (sizes.decoder == "conv" && (side == 0 || side % 4 != 0)) {
    throw UsageError(
        text("decoder conv: expected square patches with a side that is a multiple of "
             "4, got ",
             sizes.pixels, " pixels: take lin or mlp"));
  }
}

/// Draws first weights.
class Weights {
 public:
  Weights(std::map<std::string, at::Tensor>& into, std::uint64_t seed)
      : into_(into), generator_(at::detail::createCPUGenerator(seed)) {}

  void normal(const std::string& name, at::IntArrayRef sizes, double spread) {
    put(name, at::randn(sizes, generator_, at::kFloat) * spread);
  }
  void uniform(const std::string& name, at::IntArrayRef sizes, double low, double high) {
    put(name, at::rand(sizes, generator_, at::kFloat) * (high - low) + low);
  }
  void constant(const std::string& name, at::IntArrayRef sizes, double value) {
    put(name, at::full(sizes, value, at::kFloat));
  }
  /// A layer as torch makes it: weights and biases uniform within 1/sqrt(inputs).
  void layer(const std::string& name, at::IntArrayRef sizes, std::int64_t outputs,
             std::int64_t inputs) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
    uniform(name + ".weight", sizes, -bound, bound);
    uniform(name + ".bias", {outputs}, -bound, bound);
  }

 private:
  void put(const std::string& name, const at::Tensor& values) {
    into_[name] = values.detach().requires_grad_();
  }

  std::map<std::string, at::Tensor>& into_;
  at::Generator generator_;
};

void add_decoder(Weights& weights, const IterativeVaeArchitecture& sizes) {
  const auto k = sizes.latents, m = sizes.pixels;
  if (sizes.decoder == "lin") return weights.normal("decoder.weight", {m, k}, kFirstSpread);
  if (sizes.decoder == "mlp") {
    weights.layer("decoder.0", {kHidden, k}, kHidden, k);
    weights.layer("decoder.1", {kHidden, kHidden}, kHidden, kHidden);
    weights.normal("decoder.2.weight", {m, kHidden}, kLastLayerSpread);
    return weights.constant("decoder.2.bias", {m}, 0);
  }
  const auto small = side_of(m) / 4, first = kChannels * small * small;
  weights.layer("decoder.0", {first, k}, first, k);
  weights.layer("decoder.1", {kChannels, kChannels / 2, 4, 4}, kChannels / 2, kChannels * 4);
  weights.normal("decoder.2.weight", {kChannels / 2, 1, 4, 4}, kLastLayerSpread);
  weights.constant("decoder.2.bias", {1}, 0);
}

}  // namespace

IterativeVae::IterativeVae(const IterativeVaeArchitecture& architecture, std::uint64_t seed)
    : architecture_(architecture) {
  check(architecture_);
  Weights weights(tensors_, seed);
  const auto k = architecture_.latents;
  add_decoder(weights, architecture_);
  weights.constant("log_scale", {architecture_.pixels}, 0);
  weights.constant("log_bias", {k}, -3);
  if (architecture_.poisson()) {
    weights.uniform("prior.log_rate", {k}, -6, -4);
    weights.constant("log_step", {1}, 0);
  } else {
    weights.constant("prior.mean", {k}, 0);
    weights.constant("prior.log_sigma", {k}, 0);
    weights.constant("log_step", {2}, 0);
  }
  if (architecture_.has_gain()) weights.constant("log_gain", {k}, 0);
}

std::int64_t IterativeVae::parameters() const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors_) count += tensor.numel();
  return count;
}

void IterativeVae::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  const at::NoGradGuard no_gradient;
  const TensorFile given{tensors, {}};
  for (const auto& [name, tensor] : tensors_) {
    const auto& loaded = find_in_state(given, name, tensor.sizes());
    if (!loaded.isfinite().all().item<bool>()) {
      throw Error(text("'", name, "': expected finite numbers, got others"));
    }
  }
  for (const auto& [name, tensor] : tensors_) tensor.copy_(tensors.at(name));
}

void IterativeVae::to(const at::Device& device, at::ScalarType type) {
  for (auto& [name, tensor] : tensors_) {
    tensor = tensor.detach().to(device, type).requires_grad_();
  }
}

at::Tensor IterativeVae::activity(const at::Tensor& z) const {
  if (!architecture_.has_gain()) return z;
  return at::exp(tensor("log_gain")) * activate(architecture_.activation, z);
}

at::Tensor IterativeVae::decode(const at::Tensor& activity) const {
  if (architecture_.decoder == "lin") return at::matmul(activity, tensor("decoder.weight").t());
  const auto weight = [&](int layer) { return tensor(text("decoder.", layer, ".weight")); };
  const auto bias = [&](int layer) { return tensor(text("decoder.", layer, ".bias")); };
  auto hidden = at::silu(at::linear(activity, weight(0), bias(0)));
  if (architecture_.decoder == "mlp") {
    return at::linear(at::silu(at::linear(hidden, weight(1), bias(1))), weight(2), bias(2));
  }
  const auto small = side_of(architecture_.pixels) / 4;
  hidden = hidden.view({-1, kChannels, small, small});
  hidden = at::silu(at::conv_transpose2d(hidden, weight(1), bias(1), 2, 1));
  return at::conv_transpose2d(hidden, weight(2), bias(2), 2, 1).flatten(1);
}

at::Tensor IterativeVae::scale() const {
  return at::exp(kScaleBound * at::tanh(tensor("log_scale") / kScaleBound));
}

InferenceState IterativeVae::initial() const {
  if (architecture_.poisson()) return {tensor("prior.log_rate").unsqueeze(0)};
  return {tensor("prior.mean").unsqueeze(0), tensor("prior.log_sigma").unsqueeze(0)};
}

at::Tensor IterativeVae::bias_current() const {
  return at::exp(tensor("log_bias"));
}

at::Tensor IterativeVae::step_sizes() const {
  return at::exp(tensor("log_step"));
}

namespace {

/// The layer that grows with both sizes is in the file, so that a model of that size may be made.
void expect_first_layer(const std::map<std::string, at::Tensor>& tensors,
                        const IterativeVaeArchitecture& sizes) {
  check(sizes);
  const auto small = side_of(sizes.pixels) / 4;
  const auto rows = sizes.decoder == "lin"   ? sizes.pixels
                    : sizes.decoder == "mlp" ? kHidden
                                             : kChannels * small * small;
  find_in_state({tensors, {}}, sizes.decoder == "lin" ? "decoder.weight" : "decoder.0.weight",
                {rows, sizes.latents});
}

}  // namespace

IterativeVaeArchitecture architecture_of(const std::map<std::string, at::Tensor>& tensors,
                                         const std::string& activation) {
  const auto size = [&](const std::string& name, std::int64_t dimensions,
                        std::int64_t axis) -> std::int64_t {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.dim() != dimensions) {
      throw Error(text("expected the tensors of an iterative VAE, found no '", name, "' of ",
                       dimensions, " dimensions"));
    }
    return found->second.size(axis);
  };
  IterativeVaeArchitecture sizes;
  sizes.model = tensors.contains("prior.log_rate") ? "poisson" : "gaussian";
  sizes.activation = activation;
  sizes.pixels = size("log_scale", 1, 0);
  sizes.latents = size("log_bias", 1, 0);
  if (!tensors.contains("decoder.weight")) {
    const auto middle = tensors.find("decoder.1.weight");
    sizes.decoder = middle != tensors.end() && middle->second.dim() == 4 ? "conv" : "mlp";
  }
  expect_first_layer(tensors, sizes);
  return sizes;
}

}  // namespace neurosplat
