#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "neurosplat/systems/waveform/waveform_autoencoder.h"

namespace neurosplat {

/// A network from one tensor to another.
struct WaveformPart : torch::nn::Module {
  virtual at::Tensor forward(const at::Tensor& x) = 0;
};

/// An image encoder also gives the maps that leaky skips take: after its first, second and third
/// stage.
struct ImageEncoder : torch::nn::Module {
  virtual ImageCode forward(const at::Tensor& pictures) = 0;
};

struct ImageDecoder : torch::nn::Module {
  virtual at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>& skips) = 0;
};

/// A picture to its latent: ResNet-18 from scratch with group normalisation, latents of unit
/// variance each.
std::shared_ptr<ImageEncoder> make_image_encoder(const WaveformArchitecture& sizes);
std::shared_ptr<ImageDecoder> make_image_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_waveform_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_waveform_encoder(const WaveformArchitecture& sizes);

/// The same in the original's sizes; its ResNet-18 has torchvision's names.
std::shared_ptr<ImageEncoder> make_author_image_encoder(const WaveformArchitecture& sizes);
std::shared_ptr<ImageDecoder> make_author_image_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_author_waveform_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_author_waveform_encoder(const WaveformArchitecture& sizes);

/// Each row to mean 0 and variance 1: noise of a fixed deviation then has a meaning.
at::Tensor unit_variance(const at::Tensor& latents);

}  // namespace neurosplat
