#include "neurosplat/renderer/packets/renderer.h"

#include <ATen/ATen.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/packets/cuda/cuda_renderer.h"
#include "renderer/packets/dense_renderer.h"
#include "renderer/packets/matrix/matrix_renderer.h"

namespace neurosplat {
namespace {

/// Pixels a side at most: beyond it a size is a mistake, not a picture.
constexpr std::int64_t kLargestSide = 1 << 16;

void check_arguments(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                     const RenderOptions& options) {
  if (!packets.defined()) throw UsageError("packets: expected a tensor, got an undefined one");
  if (packets.dim() != 3 || packets.size(0) < 1 || packets.size(1) < 1 || packets.size(2) < 7 ||
      packets.size(2) % 2 == 0) {
    throw UsageError(text("packets: expected [B >= 1, N >= 1, 5 + 2 * channels] numbers, got ",
                          packets.sizes()));
  }
  if (packets.scalar_type() != at::kFloat && packets.scalar_type() != at::kDouble) {
    throw UsageError(text("packets: expected float32 or float64, got ", packets.scalar_type()));
  }
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
  if (asked == RendererKind::cuda) packet::cuda::require(packets);
  const bool cuda_serves =
      packet::cuda::built() && packets.is_cuda() && packets.scalar_type() == at::kFloat;
  const bool matrix_serves = packets.is_cpu() && packets.scalar_type() == at::kFloat;
  if (asked == RendererKind::matrix && !matrix_serves) {
    throw UsageError(text("packets: the matrix renderer takes float32 on the CPU, got ",
                          packets.scalar_type(), " on ", packets.device(),
                          "; choose the dense renderer"));
  }
  if (asked != RendererKind::automatic) return asked;
  if (cuda_serves) return RendererKind::cuda;
  return matrix_serves ? RendererKind::matrix : RendererKind::dense;
}

}  // namespace

at::Tensor render(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                  const RenderOptions& options) {
  check_arguments(packets, height, width, options);
  const auto kind = choose(packets, options.renderer);
  if (kind == RendererKind::matrix) return packet::matrix::draw(packets, height, width, options);
  const auto active = options.form == PacketForm::raw ? activate_packets(packets) : packets;
  const auto field = kind == RendererKind::cuda
                         ? packet::cuda::field(active, height, width)
                         : packet::dense::field(active, height, width, options.chunk);
  return options.output == Output::sigmoid ? at::sigmoid(field) : field;
}

RendererKind renderer_from_name(const std::string& name) {
  if (name == "auto") return RendererKind::automatic;
  if (name == "dense") return RendererKind::dense;
  if (name == "matrix") return RendererKind::matrix;
  if (name == "cuda") return RendererKind::cuda;
  throw UsageError(text("renderer: expected auto, dense, matrix or cuda, got '", name, "'"));
}

}  // namespace neurosplat
