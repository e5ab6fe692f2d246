#include "neurosplat/systems/splat_vae/latent_flow.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/layers.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kTimeFrequencies = 32;
constexpr double kTimeScale = 1000;  // so that all frequencies tell times apart
constexpr double kNormEpsilon = 1e-6;
/// Below it the Gaussian's error is taken as this, so that nothing is divided by zero at time 1.
constexpr double kLeastError = 1e-3;
constexpr std::int64_t kMostWidth = 4096, kMostDepth = 64;
const std::string kPrefix = "flow.";

at::Tensor rms_normalised(const at::Tensor& x) {
  return x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
}

/// A gated layer of 2 * width that moves x by what it finds at this time.
struct FlowBlockImpl : nn::Module {
  explicit FlowBlockImpl(std::int64_t width)
      : modulation(register_module("modulation", nn::Linear(width, 3 * width))),
        up(register_module("up", nn::Linear(width, 4 * width))),
        down(register_module("down", nn::Linear(2 * width, width))) {}

  at::Tensor forward(const at::Tensor& x, const at::Tensor& moment) {
    const auto rows = modulation(moment).chunk(3, -1);
    const auto halves = up(rms_normalised(x) * (1 + rows[1]) + rows[0]).chunk(2, -1);
    return x + rows[2] * down(at::silu(halves[0]) * halves[1]);
  }

  nn::Linear modulation, up, down;
};
TORCH_MODULE(FlowBlock);

/// What the prediction for N(0, I) is made of at times [B]: columns [B, 1].
struct GaussianPart {
  at::Tensor share, error, scale;  ///< t / c, (1 - t) / sqrt(c), 1 / sqrt(c)

  explicit GaussianPart(const at::Tensor& times) {
    const auto t = times.unsqueeze(1);
    const auto c = t.square() + (1 - t).square();
    share = t / c;
    scale = c.rsqrt();
    error = (1 - t) * scale;
  }
};

}  // namespace

class LatentFlowNetwork : public nn::Module {
 public:
  LatentFlowNetwork(const LatentFlowSizes& sizes, std::uint64_t seed)
      : in_(register_module("in", nn::Linear(sizes.latent, sizes.width))),
        time_(register_module("time", nn::Linear(2 * kTimeFrequencies, sizes.width))),
        blocks_(register_module("blocks", nn::ModuleList())),
        out_(register_module("out", nn::Linear(sizes.width, sizes.latent))) {
    for (std::int64_t i = 0; i < sizes.depth; ++i) blocks_->push_back(FlowBlock(sizes.width));
    initialise_layers(*this, seed);
    const at::NoGradGuard no_gradient;
    for (const auto& block : *blocks_) {
      block->as<FlowBlockImpl>()->modulation->weight.zero_();
      block->as<FlowBlockImpl>()->modulation->bias.zero_();
    }
    out_->weight.zero_();
    out_->bias.zero_();
  }

  at::Tensor forward(const at::Tensor& z, const at::Tensor& times) {
    const auto moment = at::silu(time_(time_features(kTimeScale * times, kTimeFrequencies)));
    auto x = in_(z);
    for (const auto& block : *blocks_) x = block->as<FlowBlockImpl>()->forward(x, moment);
    return out_(rms_normalised(x));
  }

 private:
  nn::Linear in_, time_;
  nn::ModuleList blocks_;
  nn::Linear out_;
};

void check(const LatentFlowSizes& sizes) {
  if (sizes.latent < 1 || sizes.width < 1 || sizes.width > kMostWidth || sizes.depth < 1 ||
      sizes.depth > kMostDepth) {
    throw UsageError(text("expected a latent of at least 1, a width of 1 to ", kMostWidth,
                          " and a depth of 1 to ", kMostDepth, ", got ", sizes.latent, ", ",
                          sizes.width, " and ", sizes.depth));
  }
}

LatentFlow::LatentFlow(const LatentFlowSizes& sizes, std::uint64_t seed) : sizes_(sizes) {
  check(sizes);
  network_ = std::make_shared<LatentFlowNetwork>(sizes, seed);
}

const LatentFlowSizes& LatentFlow::sizes() const {
  return sizes_;
}

at::Tensor LatentFlow::clean(const at::Tensor& z, const at::Tensor& times) const {
  const GaussianPart gaussian(times);
  return gaussian.share * z + gaussian.error * network_->forward(gaussian.scale * z, times);
}

at::Tensor LatentFlow::relative_error(const at::Tensor& latents, const at::Tensor& noise,
                                      const at::Tensor& times) const {
  const auto z = noisy_at(latents, noise, times);
  const auto unit = GaussianPart(times).error.clamp_min(kLeastError);
  return ((clean(z, times) - latents) / unit).square().mean(1);
}

void LatentFlow::to(const at::Device& device) const {
  network_->to(device);
}

std::map<std::string, at::Tensor> LatentFlow::state() const {
  return state_of(*network_);
}

void LatentFlow::load_state(const std::map<std::string, at::Tensor>& tensors) const {
  neurosplat::load_state(*network_, tensors, "latent flow");
}

at::Tensor with_flow(const LatentFlow& flow, const LatentPrior& prior, const at::Tensor& noise,
                     const FlowSteps& steps) {
  const auto predict = [&](const at::Tensor& z, const at::Tensor& times) {
    return flow.clean(z, times);
  };
  return with_prior(prior, follow_flow(predict, noise, steps));
}

void add_flow(const LatentFlow& flow, std::map<std::string, at::Tensor>& tensors) {
  for (const auto& [name, tensor] : flow.state()) tensors[kPrefix + name] = tensor;
}

std::optional<LatentFlow> flow_of(const std::map<std::string, at::Tensor>& tensors,
                                  std::int64_t latent) {
  std::map<std::string, at::Tensor> found;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(kPrefix)) continue;
    found[name.substr(kPrefix.size())] = tensor;
    if (!tensor.isfinite().all().item<bool>()) {
      throw Error(text("expected a flow of finite numbers, got others in ", name));
    }
  }
  if (found.empty()) return {};
  const auto in = found.find("in.weight");
  if (in == found.end() || in->second.dim() != 2 || in->second.size(1) != latent) {
    throw Error(text("expected a flow of ", latent,
                     " latent numbers, got flow.in.weight of another shape or none"));
  }
  LatentFlowSizes sizes{.latent = latent, .width = in->second.size(0), .depth = 0};
  while (found.contains(text("blocks.", sizes.depth, ".up.weight"))) ++sizes.depth;
  check(sizes);
  LatentFlow flow(sizes);
  flow.load_state(found);
  return flow;
}

}  // namespace neurosplat
