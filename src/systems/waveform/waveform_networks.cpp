#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "systems/waveform/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kChannels = 64, kDoublings = 3, kHidden = 512;

nn::Conv1d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride = 1) {
  return nn::Conv1d(nn::Conv1dOptions(in, out, kernel).padding(kernel / 2).stride(stride));
}

nn::GroupNorm normalisation(std::int64_t channels) {
  return nn::GroupNorm(nn::GroupNormOptions(8, channels));
}

/// Latents to 64 channels of an eighth of the samples, doubled three times, beside a linear layer.
struct ConvolutionalDecoder : WaveformPart {
  explicit ConvolutionalDecoder(const WaveformArchitecture& sizes)
      : samples(sizes.samples),
        first((sizes.samples + 7) / 8),
        from_latent(register_module("from_latent", nn::Linear(sizes.latent, kChannels * first))),
        layers(register_module("layers", nn::ModuleList())),
        norms(register_module("norms", nn::ModuleList())) {
    for (std::int64_t i = 0; i < kDoublings; ++i) {
      layers->push_back(convolution(kChannels, kChannels, 5));
      norms->push_back(normalisation(kChannels));
    }
    to_electrodes = register_module("to_electrodes", convolution(kChannels, sizes.electrodes, 5));
    direct = register_module("direct", nn::Linear(sizes.latent, sizes.electrodes * samples));
  }

  at::Tensor forward(const at::Tensor& latents) override {
    auto h = from_latent(latents).view({-1, kChannels, first});
    for (std::size_t i = 0; i < layers->size(); ++i) {
      h = at::repeat_interleave(h, 2, 2);
      h = at::gelu(
          norms[i]->as<nn::GroupNormImpl>()->forward(layers[i]->as<nn::Conv1dImpl>()->forward(h)));
    }
    const auto waveforms = to_electrodes(h).narrow(2, 0, samples);
    return (waveforms + direct(latents).view_as(waveforms)).to(at::kFloat);
  }

  std::int64_t samples, first;
  nn::Linear from_latent;
  nn::ModuleList layers, norms;
  nn::Conv1d to_electrodes = nullptr;
  nn::Linear direct = nullptr;
};

/// Half the samples, `out` channels, beside a 1 x 1 convolution.
struct HalvingImpl : nn::Module {
  HalvingImpl(std::int64_t in, std::int64_t out)
      : norm_0(register_module("norm_0", normalisation(in))),
        first(register_module("first", convolution(in, out, 3, 2))),
        norm_1(register_module("norm_1", normalisation(out))),
        second(register_module("second", convolution(out, out, 3))),
        shortcut(register_module(
            "shortcut", nn::Conv1d(nn::Conv1dOptions(in, out, 1).stride(2).bias(false)))) {}

  at::Tensor forward(const at::Tensor& x) {
    return second(at::gelu(norm_1(first(at::gelu(norm_0(x)))))) + shortcut(x);
  }

  nn::GroupNorm norm_0;
  nn::Conv1d first;
  nn::GroupNorm norm_1;
  nn::Conv1d second, shortcut;
};
TORCH_MODULE(Halving);

struct ConvolutionalEncoder : WaveformPart {
  explicit ConvolutionalEncoder(const WaveformArchitecture& sizes)
      : stem(register_module("stem", convolution(sizes.electrodes, kChannels, 7))),
        halvings(register_module("halvings", nn::ModuleList())) {
    auto samples = sizes.samples, channels = kChannels;
    for (const std::int64_t out : {kChannels, 2 * kChannels, 4 * kChannels}) {
      halvings->push_back(Halving(channels, out));
      channels = out;
      samples = (samples + 1) / 2;
    }
    norm = register_module("norm", normalisation(channels));
    to_latent = register_module("to_latent", nn::Linear(channels * samples, sizes.latent));
    direct = register_module("direct", nn::Linear(sizes.electrodes * sizes.samples, sizes.latent));
  }

  at::Tensor forward(const at::Tensor& waveforms) override {
    auto h = stem(waveforms);
    for (const auto& halving : *halvings) h = halving->as<HalvingImpl>()->forward(h);
    const auto latents = to_latent(at::gelu(norm(h)).flatten(1)) + direct(waveforms.flatten(1));
    return bounded(latents.to(at::kFloat));
  }

  nn::Conv1d stem;
  nn::ModuleList halvings;
  nn::GroupNorm norm = nullptr;
  nn::Linear to_latent = nullptr, direct = nullptr;
};

struct PerceptronEncoder : WaveformPart {
  explicit PerceptronEncoder(const WaveformArchitecture& sizes)
      : hidden(register_module("hidden", nn::Linear(sizes.electrodes * sizes.samples, kHidden))),
        to_latent(register_module("to_latent", nn::Linear(kHidden, sizes.latent))) {}

  at::Tensor forward(const at::Tensor& waveforms) override {
    return bounded(to_latent(at::gelu(hidden(waveforms.flatten(1)))).to(at::kFloat));
  }

  nn::Linear hidden, to_latent;
};

}  // namespace

std::shared_ptr<WaveformPart> make_waveform_decoder(const WaveformArchitecture& sizes) {
  return std::make_shared<ConvolutionalDecoder>(sizes);
}

std::shared_ptr<WaveformPart> make_waveform_encoder(const WaveformArchitecture& sizes) {
  if (sizes.waveform_encoder == "mlp") return std::make_shared<PerceptronEncoder>(sizes);
  return std::make_shared<ConvolutionalEncoder>(sizes);
}

}  // namespace neurosplat
