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

/// `linear` is what a linear code makes of the latents, pictures to correct; undefined where there
/// is none.
struct ImageDecoder : torch::nn::Module {
  virtual at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>& skips,
                             const at::Tensor& linear) = 0;
};

/// A picture to a latent, which nothing bounds yet: ResNet-18 from scratch on squares of 2 x 2
/// pixels, without normalisation.
std::shared_ptr<ImageEncoder> make_image_encoder(const WaveformArchitecture& sizes);
std::shared_ptr<ImageDecoder> make_image_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_waveform_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_waveform_encoder(const WaveformArchitecture& sizes);

/// The same in the original's sizes; its ResNet-18 has torchvision's names.
std::shared_ptr<ImageEncoder> make_author_image_encoder(const WaveformArchitecture& sizes);
std::shared_ptr<ImageDecoder> make_author_image_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_author_waveform_decoder(const WaveformArchitecture& sizes);
std::shared_ptr<WaveformPart> make_author_waveform_encoder(const WaveformArchitecture& sizes);

/// Each row r scaled to a deviation (root of its mean square) of 2 tanh(d / 2), d its own: as good
/// as kept about 1, never above 2, so that noise of a fixed deviation has a meaning.
at::Tensor bounded(const at::Tensor& latents);

/// Blocks begin as almost the identity; where there are `corrections` to a linear code, so do
/// those.
void start_quietly(torch::nn::Module& networks, bool corrections);

}  // namespace neurosplat
