#include "neurosplat/renderer/packets/renderer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/render_backward.h"
#include "renderer/cuda_functions.h"
#include "renderer/packets/dense_renderer.h"
#include "renderer/packets/matrix/matrix_renderer.h"

namespace neurosplat {
namespace {

/// Pixels a side at most: beyond it a size is a mistake, not a picture.
constexpr std::int64_t kLargestSide = 1 << 16;

void check_packets(const at::Tensor& packets) {
  if (!packets.defined()) throw UsageError("packets: expected a tensor, got an undefined one");
  if (packets.dim() != 3 || packets.size(0) < 1 || packets.size(1) < 1 || packets.size(2) < 7 ||
      packets.size(2) % 2 == 0) {
    throw UsageError(text("packets: expected [B >= 1, N >= 1, 5 + 2 * channels] numbers, got ",
                          packets.sizes()));
  }
  if (packets.scalar_type() != at::kFloat && packets.scalar_type() != at::kDouble) {
    throw UsageError(text("packets: expected float32 or float64, got ", packets.scalar_type()));
  }
}

void check_arguments(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                     const RenderOptions& options) {
  check_packets(packets);
  if (height < 2 || width < 2 || height > kLargestSide || width > kLargestSide) {
    throw UsageError(
        text("height, width: expected 2 to ", kLargestSide, " pixels, got ", height, " x ", width));
  }
  if (!(options.cutoff > 0 && options.cutoff <= 0.1)) {
    throw UsageError(text("cutoff: expected a number above 0, at most 0.1, got ", options.cutoff));
  }
  if (options.chunk < 1) throw UsageError(text("chunk: expected >= 1, got ", options.chunk));
}

/// Refuses what the chosen implementation does not serve.
RendererKind choose(const at::Tensor& packets, RendererKind asked) {
  if (asked == RendererKind::cuda) cuda::require(packets, "packets", "dense");
  const bool matrix_serves = packets.is_cpu() && packets.scalar_type() == at::kFloat;
  if (asked == RendererKind::matrix && !matrix_serves) {
    throw UsageError(text("packets: the matrix renderer takes float32 on the CPU, got ",
                          packets.scalar_type(), " on ", packets.device(),
                          "; choose the dense renderer"));
  }
  if (asked != RendererKind::automatic) return asked;
  if (cuda::serves(packets)) return RendererKind::cuda;
  return matrix_serves ? RendererKind::matrix : RendererKind::dense;
}

/// Refuses what does not belong to pictures of these packets.
void check_picture(const char* name, const at::Tensor& picture, const at::Tensor& packets) {
  const auto channels = (packets.size(2) - packet::kCoefficients) / 2;
  if (picture.defined() && picture.dim() == 4 && picture.size(0) == packets.size(0) &&
      picture.size(1) == channels && picture.scalar_type() == packets.scalar_type() &&
      picture.device() == packets.device()) {
    return;
  }
  throw UsageError(text(name, ": expected [", packets.size(0), ", ", channels, ", height, width] ",
                        packets.scalar_type(), " on ", packets.device(), ", got ",
                        picture.defined() ? text(picture.sizes(), " ", picture.scalar_type(),
                                                 " on ", picture.device())
                                          : "an undefined tensor"));
}

/// Through the operators of the dense renderer.
at::Tensor dense_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                          const RenderOptions& options) {
  const at::AutoGradMode on(true);
  const auto leaf = packets.detach().requires_grad_(true);
  const auto again = render(leaf, picture_gradient.size(2), picture_gradient.size(3), options);
  return torch::autograd::grad({again}, {leaf}, {picture_gradient})[0];
}

at::Tensor cuda_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                         const at::Tensor& pictures, const RenderOptions& options) {
  const at::NoGradGuard no_gradient;
  const bool raw = options.form == PacketForm::raw;
  const auto active = raw ? cuda::functions().activate_packets(packets) : packets;
  const auto of_field = options.output == Output::sigmoid
                            ? at::sigmoid_backward(picture_gradient, pictures)
                            : picture_gradient;
  const auto of_active = cuda::functions().field_gradient(active, of_field);
  return raw ? cuda::functions().activation_gradient(packets, of_active) : of_active;
}

}  // namespace

at::Tensor render(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                  const RenderOptions& options) {
  check_arguments(packets, height, width, options);
  const auto kind = choose(packets, options.renderer);
  if (kind == RendererKind::matrix) return packet::matrix::draw(packets, height, width, options);
  const auto active = options.form == PacketForm::raw ? activate_packets(packets) : packets;
  const auto field = kind == RendererKind::cuda
                         ? cuda::functions().field(active, height, width)
                         : packet::dense::field(active, height, width, options.chunk);
  return options.output == Output::sigmoid ? at::sigmoid(field) : field;
}

at::Tensor render_backward(const at::Tensor& picture_gradient, const at::Tensor& packets,
                           const at::Tensor& pictures, const RenderOptions& options) {
  check_packets(packets);
  check_picture("picture_gradient", picture_gradient, packets);
  check_arguments(packets, picture_gradient.size(2), picture_gradient.size(3), options);
  if (options.output == Output::sigmoid) {
    check_picture("pictures", pictures, packets);
    if (pictures.sizes() != picture_gradient.sizes()) {
      throw UsageError(text("pictures: expected the gradient's shape ", picture_gradient.sizes(),
                            ", got ", pictures.sizes()));
    }
  }
  switch (choose(packets, options.renderer)) {
    case RendererKind::matrix:
      return packet::matrix::gradient(picture_gradient, packets, pictures, options);
    case RendererKind::cuda:
      return cuda_backward(picture_gradient, packets, pictures, options);
    default:
      return dense_backward(picture_gradient, packets, options);
  }
}

RendererKind renderer_from_name(const std::string& name) {
  if (name == "auto") return RendererKind::automatic;
  if (name == "dense") return RendererKind::dense;
  if (name == "matrix") return RendererKind::matrix;
  if (name == "cuda") return RendererKind::cuda;
  throw UsageError(text("renderer: expected auto, dense, matrix or cuda, got '", name, "'"));
}

}  // namespace neurosplat
