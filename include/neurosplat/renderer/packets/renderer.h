#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace neurosplat {

/// How the numbers of a packet are given; see renderer/packets/packet.h for both.
enum class PacketForm { raw, activated };

/// What the summed field becomes: itself, or a picture in (0, 1).
enum class Output { linear, sigmoid };

/// The implementations. `automatic` takes the fastest that serves the device and dtype.
enum class RendererKind { automatic, dense, matrix, cuda };

struct RenderOptions {
  PacketForm form = PacketForm::raw;
  Output output = Output::sigmoid;
  RendererKind renderer = RendererKind::automatic;
  /// Packets summed at a time by the dense renderer; the others need no chunks.
  std::int64_t chunk = 64;
  /// Envelopes below it may be left out by the matrix renderer, in (0, 0.1]. The default keeps the
  /// field within 2e-6 of the full sum (relative to its largest value where that is beyond 1).
  double cutoff = 1e-7;
};

/// Draws packets [B, N, 5 + 2C] as pictures [B, C, height, width]; differentiable once.
/// float32, or float64 with the dense renderer. `cuda` takes float32 on a CUDA device, in a build
/// that has it, and makes pictures of NaN or infinite packets NaN without waiting to refuse them.
/// Any B, N, C >= 1, height, width >= 2. Throws UsageError that names the argument, its shape and
/// what was expected. docs/neuro-splat.md, "Field and picture"; the product form is our
/// derivation (docs/renderer.md).
at::Tensor render(const at::Tensor& packets, std::int64_t height, std::int64_t width,
                  const RenderOptions& options = {});

/// Raw packets [B, N, 5 + 2C] to activated ones of the same shape, on the anchor grid of N.
at::Tensor activate_packets(const at::Tensor& raw);

/// "auto", "dense", "matrix" or "cuda"; throws UsageError for anything else.
RendererKind renderer_from_name(const std::string& name);

}  // namespace neurosplat
