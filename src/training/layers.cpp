#include "neurosplat/training/layers.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

template <class Layer>
void initialise(Layer& layer, const at::Generator& generator) {
  const auto fan_in = layer.weight[0].numel();
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  layer.weight.uniform_(-bound, bound, generator);
  if (layer.bias.defined()) layer.bias.uniform_(-bound, bound, generator);
}

}  // namespace

void initialise_layers(nn::Module& networks, std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  const auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& layer : networks.modules(/*include_self=*/false)) {
    if (auto* convolution = layer->as<nn::Conv1dImpl>()) initialise(*convolution, generator);
    if (auto* convolution = layer->as<nn::Conv2dImpl>()) initialise(*convolution, generator);
    if (auto* convolution = layer->as<nn::ConvTranspose2dImpl>()) {
      initialise(*convolution, generator);
    }
    if (auto* linear = layer->as<nn::LinearImpl>()) initialise(*linear, generator);
  }
}

void lay_out_channels_last(nn::Module& networks) {
  for (const auto& layer : networks.modules(/*include_self=*/false)) {
    if (auto* convolution = layer->as<nn::Conv2dImpl>()) {
      auto& weight = convolution->weight;
      weight.set_data(weight.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

std::map<std::string, at::Tensor> state_of(const nn::Module& networks) {
  std::map<std::string, at::Tensor> state;
  for (const auto& item : networks.named_parameters()) state.emplace(item.key(), item.value());
  for (const auto& item : networks.named_buffers()) state.emplace(item.key(), item.value());
  return state;
}

void load_state(const nn::Module& networks, const std::map<std::string, at::Tensor>& tensors,
                const std::string& kind,
                const std::function<bool(const std::string& name)>& ignored) {
  const at::NoGradGuard no_gradient;
  const auto own = state_of(networks);
  for (const auto& [name, tensor] : own) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw Error(text("weights: expected a tensor '", name, "', found none"));
    }
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(text("weights: expected '", name, "' of shape ", tensor.sizes(), ", got ",
                       found->second.sizes()));
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (!own.contains(name) && !(ignored && ignored(name))) {
      throw Error(text("weights: '", name, "' belongs to no layer of a ", kind));
    }
  }
  for (const auto& [name, tensor] : own) at::Tensor(tensor).copy_(tensors.at(name));
}

}  // namespace neurosplat
