#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

/// What systems do alike with a network's layers and weights.
namespace neurosplat {

/// Weights and biases of every convolution and linear layer, uniform within 1 / sqrt(fan in), as
/// PyTorch has it, but drawn from a generator of our own.
void initialise_layers(torch::nn::Module& networks, std::uint64_t seed);

/// Convolutions and batch normalisation are faster with a pixel's channels side by side. Not
/// before initialise_layers: random numbers are laid down in the order of memory.
void lay_out_channels_last(torch::nn::Module& networks);

/// Parameters and buffers by name: the network's own tensors, not copies.
std::map<std::string, at::Tensor> state_of(const torch::nn::Module& networks);

/// Copies `tensors` into the network, all or none. Throws Error that names a tensor that is missing
/// or of another shape, or that belongs to no layer of a `kind` ("splat VAE") and is not `ignored`.
void load_state(const torch::nn::Module& networks, const std::map<std::string, at::Tensor>& tensors,
                const std::string& kind,
                const std::function<bool(const std::string& name)>& ignored = {});

}  // namespace neurosplat
