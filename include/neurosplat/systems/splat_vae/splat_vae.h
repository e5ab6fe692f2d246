#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/training/latent.h"
#include "neurosplat/training/picture_parts.h"

namespace neurosplat {

/// Which networks stand around the latent: the published convolutions and perceptron, or a linear
/// code with residual networks (docs/flowers.md, "The residual networks").
enum class DecoderKind { mlp, residual };

std::string name_of(DecoderKind kind);
/// "mlp" or "residual". Throws UsageError.
DecoderKind decoder_from_name(const std::string& name);

/// What fixes the sizes of a splat VAE.
struct SplatVaeArchitecture {
  std::int64_t image_size = 64;  ///< pixels a side; a power of two >= 16
  std::int64_t packets = 256;    ///< packets a picture
  std::int64_t latent = 128;     ///< latent numbers
  DecoderKind decoder = DecoderKind::mlp;
  std::int64_t width = 128;  ///< channels of the residual networks
  bool operator==(const SplatVaeArchitecture&) const = default;
};

/// Throws UsageError unless the sizes can be built.
void check(const SplatVaeArchitecture& architecture);

class LatentRefinement;
class SplatVaeNetworks;

/// Encoder -> latent -> decoder -> packets -> renderer. docs/neuro-splat.md, "Networks".
/// Copies share their weights.
class SplatVae {
 public:
  /// Weights are drawn from the CPU generator seeded with `seed`.
  explicit SplatVae(const SplatVaeArchitecture& architecture, std::uint64_t seed = 0);

  const SplatVaeArchitecture& architecture() const;

  /// Pictures [B, 3, S, S] in [0, 1] to posteriors.
  Posterior encode(const at::Tensor& pictures) const;
  /// Latents [B, latent] to raw packets [B, N, 11].
  at::Tensor decode(const at::Tensor& latents) const;
  /// Raw packets to pictures [B, 3, S, S] in (0, 1), always in float32.
  at::Tensor draw(const at::Tensor& raw_packets, const RenderOptions& options = {}) const;
  /// The same model, its weights shared, whose latents_of() ends with `steps` steps of descent on
  /// the picture's squared error; 0: none. It measures the decoder once, so the weights must
  /// stay, and its device.
  SplatVae refining(std::int64_t steps) const;
  /// The latent of each picture, [B, latent], without gradients: the posterior's mean, refined
  /// where this model refines.
  at::Tensor latents_of(const at::Tensor& pictures) const;
  /// draw(decode(latents_of(pictures))) without gradients, for evaluation.
  at::Tensor reconstruct(const at::Tensor& pictures) const;
  /// The same through a latent drawn from the posterior, as in training. Where beta has silenced
  /// latent numbers, this is what the decoder knows: their mean, near zero, it never sees.
  at::Tensor reconstruct_sample(const at::Tensor& pictures, const at::Generator& generator) const;

  /// Fits the linear code of the residual networks to pictures and their mirror images; the
  /// published networks have none and stay as they are.
  void fit_linear_code(const PictureParts& next) const;

  /// Training mode (batch statistics) or evaluation mode (running statistics).
  void train(bool on) const;
  void to(const at::Device& device) const;
  at::Device device() const;

  std::vector<at::Tensor> parameters() const;
  std::int64_t parameter_count() const;

  /// Weights and running statistics under the reference's names (`enc.conv.0.weight`, ...,
  /// `dec.net.4.bias`). The tensors are the model's own, not copies.
  std::map<std::string, at::Tensor> state() const;
  /// Copies `tensors` into the model. Every name of state() must be there with its shape;
  /// the reference's renderer buffers `ren.*` are ignored. Throws Error that names the tensor.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;

 private:
  SplatVaeArchitecture architecture_;
  std::int64_t refinement_steps_ = 0;
  std::shared_ptr<const LatentRefinement> refinement_;  ///< null: none
  std::shared_ptr<SplatVaeNetworks> networks_;
};

/// The sizes of the model that these weights belong to, read off the tensors' shapes.
/// Throws Error when they are not those of a splat VAE.
SplatVaeArchitecture infer_architecture(const std::map<std::string, at::Tensor>& state);

}  // namespace neurosplat
