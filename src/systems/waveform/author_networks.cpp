#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "neurosplat/processes/batch_norm.h"
#include "systems/waveform/networks.h"

namespace neurosplat {
namespace {

namespace nn = torch::nn;

/// Means and deviations of ImageNet, for which the encoder's weights were made.
const std::vector<double> kMean = {0.485, 0.456, 0.406}, kDeviation = {0.229, 0.224, 0.225};

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride) {
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

/// torchvision's BasicBlock (He and others 2016).
struct BasicBlockImpl : nn::Module {
  BasicBlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1(register_module("conv1", convolution(in, out, 3, stride))),
        bn1(register_module("bn1", processes::BatchNorm2d(out))),
        conv2(register_module("conv2", convolution(out, out, 3, 1))),
        bn2(register_module("bn2", processes::BatchNorm2d(out))) {
    if (stride == 1 && in == out) return;
    downsample = register_module("downsample", nn::ModuleList());
    downsample->push_back(convolution(in, out, 1, stride));
    downsample->push_back(processes::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& x) {
    auto beside = x;
    if (downsample) {
      beside = downsample[0]->as<nn::Conv2dImpl>()->forward(x);
      beside = downsample[1]->as<processes::BatchNorm2dImpl>()->forward(beside);
    }
    return at::relu(bn2(conv2(at::relu(bn1(conv1(x))))) + beside);
  }

  nn::Conv2d conv1;
  processes::BatchNorm2d bn1;
  nn::Conv2d conv2;
  processes::BatchNorm2d bn2;
  nn::ModuleList downsample = nullptr;
};
TORCH_MODULE(BasicBlock);

struct ResNet18 : ImageEncoder {
  explicit ResNet18(const WaveformArchitecture& sizes)
      : leaky(sizes.leaky_skips),
        conv1(register_module("conv1", convolution(3, 64, 7, 2))),
        bn1(register_module("bn1", processes::BatchNorm2d(64))) {
    std::int64_t channels = 64;
    for (const int stage : {1, 2, 3, 4}) {
      const std::int64_t out = std::int64_t{32} << stage;
      auto layer = nn::ModuleList();
      layer->push_back(BasicBlock(channels, out, stage == 1 ? 1 : 2));
      layer->push_back(BasicBlock(out, out, 1));
      stages.push_back(register_module("layer" + std::to_string(stage), layer));
      channels = out;
    }
    fc = register_module("fc", nn::Linear(channels, sizes.latent));
  }

  ImageCode forward(const at::Tensor& pictures) override {
    const auto shape = std::vector<std::int64_t>{1, 3, 1, 1};
    const auto mean = at::tensor(kMean, pictures.options()).view(shape);
    const auto deviation = at::tensor(kDeviation, pictures.options()).view(shape);
    auto h = ((pictures - mean) / deviation).contiguous(at::MemoryFormat::ChannelsLast);
    h = at::max_pool2d(at::relu(bn1(conv1(h))), 3, 2, 1);
    ImageCode code;
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      for (const auto& block : *stages[stage]) h = block->as<BasicBlockImpl>()->forward(h);
      if (leaky && stage + 1 < stages.size()) code.skips.push_back(h);
    }
    code.latent = fc(h.mean({2, 3})).to(at::kFloat);
    return code;
  }

  bool leaky;
  nn::Conv2d conv1;
  processes::BatchNorm2d bn1;
  std::vector<nn::ModuleList> stages;
  nn::Linear fc = nullptr;
};

nn::ConvTranspose2d doubling(std::int64_t in, std::int64_t out) {
  return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1));
}

/// Latents to 256 maps of an eighth of the side, then three transposed convolutions. The skips,
/// deepest first, are resized and laid beside their inputs.
struct AuthorDecoder : ImageDecoder {
  explicit AuthorDecoder(const WaveformArchitecture& sizes)
      : side(sizes.image_size / 8),
        leaky(sizes.leaky_skips),
        fc(register_module("fc", nn::Linear(sizes.latent, 256 * side * side))),
        up1(register_module("up1", doubling(leaky ? 512 : 256, 128))),
        up2(register_module("up2", doubling(leaky ? 256 : 128, 64))),
        up3(register_module("up3", doubling(leaky ? 128 : 64, 3))) {}

  at::Tensor beside(const at::Tensor& h, const std::vector<at::Tensor>& skips, std::size_t stage) {
    if (!leaky) return h;
    if (skips.empty()) return at::cat({h, at::zeros_like(h)}, 1);
    return at::cat({h, at::upsample_bilinear2d(skips.at(stage).to(h.scalar_type()),
                                               {h.size(2), h.size(3)}, false)},
                   1);
  }

  at::Tensor forward(const at::Tensor& latents, const std::vector<at::Tensor>& skips,
                     const at::Tensor&) override {
    auto h = at::relu(fc(latents)).view({-1, 256, side, side});
    h = at::relu(up1(beside(h, skips, 2)));
    h = at::relu(up2(beside(h, skips, 1)));
    return up3(beside(h, skips, 0)).to(at::kFloat).sigmoid();
  }

  std::int64_t side;
  bool leaky;
  nn::Linear fc;
  nn::ConvTranspose2d up1, up2, up3;
};

struct AuthorWaveformDecoder : WaveformPart {
  explicit AuthorWaveformDecoder(const WaveformArchitecture& sizes)
      : electrodes(sizes.electrodes),
        samples(sizes.samples),
        fc1(register_module("fc1", nn::Linear(sizes.latent, 256))),
        fc2(register_module("fc2", nn::Linear(256, 512))),
        fc3(register_module("fc3", nn::Linear(512, electrodes * samples))) {}

  at::Tensor forward(const at::Tensor& latents) override {
    return fc3(at::relu(fc2(at::relu(fc1(latents)))))
        .view({-1, electrodes, samples})
        .to(at::kFloat);
  }

  std::int64_t electrodes, samples;
  nn::Linear fc1, fc2, fc3;
};

struct AuthorWaveformEncoder : WaveformPart {
  explicit AuthorWaveformEncoder(const WaveformArchitecture& sizes)
      : fc1(register_module("fc1", nn::Linear(sizes.electrodes * sizes.samples, 256))),
        fc2(register_module("fc2", nn::Linear(256, sizes.latent))) {}

  at::Tensor forward(const at::Tensor& waveforms) override {
    return fc2(at::relu(fc1(waveforms.flatten(1)))).to(at::kFloat);
  }

  nn::Linear fc1, fc2;
};

}  // namespace

std::shared_ptr<ImageEncoder> make_author_image_encoder(const WaveformArchitecture& sizes) {
  return std::make_shared<ResNet18>(sizes);
}

std::shared_ptr<ImageDecoder> make_author_image_decoder(const WaveformArchitecture& sizes) {
  return std::make_shared<AuthorDecoder>(sizes);
}

std::shared_ptr<WaveformPart> make_author_waveform_decoder(const WaveformArchitecture& sizes) {
  return std::make_shared<AuthorWaveformDecoder>(sizes);
}

std::shared_ptr<WaveformPart> make_author_waveform_encoder(const WaveformArchitecture& sizes) {
  return std::make_shared<AuthorWaveformEncoder>(sizes);
}

}  // namespace neurosplat
