#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace neurosplat {

/// Weights and biases of every convolution and linear layer, uniform within 1 / sqrt(fan in), as
/// PyTorch has it, but drawn from a generator of our own.
void initialise_layers(torch::nn::Module& networks, std::uint64_t seed);

/// Convolutions and batch normalisation are faster with a pixel's channels side by side. Not
/// before initialise_layers: random numbers are laid down in the order of memory.
void lay_out_channels_last(torch::nn::Module& networks);

}  // namespace neurosplat
