#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/training/picture_parts.h"

namespace neurosplat {

/// What fixes the four networks of a waveform autoencoder (docs/waveform.md, "Networks").
struct WaveformArchitecture {
  std::string network = "ours";  ///< author: the original's sizes; ours
  std::int64_t image_size = 64;  ///< pixels a side, a multiple of 16
  std::int64_t latent = 256;
  std::int64_t electrodes = 16;
  std::int64_t samples = 48;  ///< of a waveform
  std::int64_t width = 32;    ///< channels of the first stage of `ours`, a multiple of 8
  std::string waveform_encoder = "conv";  ///< of `ours`: conv or mlp
  std::string image_head = "pixels";      ///< of `ours`: pixels or splats
  /// Of `ours`, pictures of 32 pixels or more: networks correct the principal components of the
  /// pictures, which are fitted.
  bool linear_code = false;
  bool leaky_skips = false;  ///< of `author`: feature maps of the target go into its reconstruction

  bool operator==(const WaveformArchitecture&) const = default;
};

/// Throws UsageError unless it can be built.
void check(const WaveformArchitecture& architecture);

/// `small` and `v1` (ours, 32 and 64 channels), `author`. Throws UsageError for another name.
WaveformArchitecture waveform_preset(const std::string& name);
std::vector<std::string> waveform_presets();

/// A picture's latent, and the feature maps that the leaky skips take; none otherwise.
struct ImageCode {
  at::Tensor latent;  ///< [B, latent]
  std::vector<at::Tensor> skips;
};

class WaveformNetworks;

/// Picture -> latent -> waveform -> latent -> picture: an image encoder, a waveform decoder, a
/// waveform encoder, an image decoder, each of its own. Waveforms are in deviations of the
/// recording (standardised()). Copies share their weights.
class WaveformAutoencoder {
 public:
  explicit WaveformAutoencoder(const WaveformArchitecture& architecture, std::uint64_t seed = 0);

  const WaveformArchitecture& architecture() const { return architecture_; }

  /// Pictures float32 [B, 3, S, S] in [0, 1]. Throws UsageError for other shapes.
  ImageCode encode(const at::Tensor& pictures) const;
  /// Latents [B, latent] to waveforms [B, electrodes, samples].
  at::Tensor waveforms(const at::Tensor& latents) const;
  /// Waveforms to latents, as close to their pictures' as training got.
  at::Tensor encode_waveforms(const at::Tensor& waveforms) const;
  /// Latents to pictures float32 [B, 3, S, S] in [0, 1]; `skips` as encode() gave them, or none
  /// (then zeros stand for them).
  at::Tensor decode(const at::Tensor& latents, const std::vector<at::Tensor>& skips = {}) const;

  /// Recorded waveforms [B, electrodes, samples] of any type, less the electrode's mean, over its
  /// deviation; both were set from what the model was trained on.
  at::Tensor standardised(const at::Tensor& recorded) const;
  at::Tensor in_recorded_units(const at::Tensor& standardised) const;
  void set_scale(const at::Tensor& mean, const at::Tensor& deviation) const;

  /// Principal components of these pictures and their mirror images, where there is a linear code.
  void fit_linear_code(const PictureParts& next) const;

  /// Whether batch normalisation, where there is any, uses the batch's own statistics.
  void train(bool on) const;
  void to(const at::Device& device) const;
  at::Device device() const;
  std::int64_t parameter_count() const;
  /// Weights by name, `image_encoder.`, `waveform_decoder.`, `waveform_encoder.`,
  /// `image_decoder.`, `scale.`: the model's own tensors, not copies.
  std::map<std::string, at::Tensor> state() const;
  /// Throws Error that names a tensor that is missing, of another shape or of no layer.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;

 private:
  WaveformArchitecture architecture_;
  std::shared_ptr<WaveformNetworks> networks_;
};

}  // namespace neurosplat
