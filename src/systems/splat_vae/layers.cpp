#include "systems/splat_vae/layers.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace neurosplat {
namespace {

namespace nn = torch::nn;

template <class Layer>
void initialise(Layer& layer, const at::Generator& generator) {
  const auto fan_in = layer.weight[0].numel();
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  layer.weight.uniform_(-bound, bound, generator);
  layer.bias.uniform_(-bound, bound, generator);
}

}  // namespace

void initialise_layers(nn::Module& networks, std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  const auto generator = at::detail::createCPUGenerator(seed);
  for (const auto& layer : networks.modules(/*include_self=*/false)) {
    if (auto* convolution = layer->as<nn::Conv2dImpl>()) initialise(*convolution, generator);
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

}  // namespace neurosplat
