#include "neurosplat/systems/cortex/expectation.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/gaussian_blur.h"

namespace neurosplat {
namespace {

/// [1, C, H, W] to [1, C, height, width], averaging when it shrinks.
at::Tensor scaled(const at::Tensor& pictures, std::int64_t height, std::int64_t width) {
  if (pictures.size(2) == height && pictures.size(3) == width) return pictures;
  return at::_upsample_bilinear2d_aa(pictures, {height, width}, /*align_corners=*/false);
}

/// The model's own picture of a grey frame.
struct ModelGist {
  SplatVae model;
  bool sample;
  at::Generator noise;
  at::Tensor koopman;

  at::Tensor operator()(const at::Tensor& frame) const {
    const at::NoGradGuard no_gradient;
    const auto size = model.architecture().image_size;
    const auto there = frame.to(model.device(), at::kFloat).unsqueeze(0).unsqueeze(0);
    const auto picture = scaled(there, size, size).expand({1, 3, size, size});
    auto latent =
        sample ? neurosplat::sample(model.encode(picture), noise) : model.latents_of(picture);
    if (koopman.defined()) latent = at::matmul(latent, koopman.t());
    const auto drawn = model.draw(model.decode(latent)).mean(1, /*keepdim=*/true).clamp(0.0, 1.0);
    return scaled(drawn, frame.size(0), frame.size(1))[0][0].to(frame.options());
  }
};

}  // namespace

Expectation blurred_gist(double sigma) {
  return [sigma](const at::Tensor& frame) { return gaussian_blur(frame, sigma); };
}

Expectation model_gist(const SplatVae& model, const ModelGistOptions& options) {
  const auto latent = model.architecture().latent;
  if (options.koopman.defined() && options.koopman.sizes() != at::IntArrayRef({latent, latent})) {
    throw UsageError(text("koopman: the model has ", latent, " latent numbers, expected ", latent,
                          "x", latent, ", got ", options.koopman.sizes()));
  }
  model.train(false);
  const auto koopman = options.koopman.defined()
                           ? options.koopman.detach().to(model.device(), at::kFloat)
                           : at::Tensor();
  return ModelGist{model, options.sample, at::detail::createCPUGenerator(options.seed), koopman};
}

Expectation of_the_frame_before(Expectation expect) {
  const auto coming = std::make_shared<at::Tensor>();
  return [coming, expect = std::move(expect)](const at::Tensor& frame) {
    auto expected = coming->defined() && coming->sizes() == frame.sizes()
                        ? *coming
                        : gaussian_blur(frame, kGistSigma);
    *coming = expect ? expect(frame) : frame;
    return expected;
  };
}

}  // namespace neurosplat
