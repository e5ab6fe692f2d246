#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/regression/ridge.h"
#include "neurosplat/systems/spike_decoder/latent_space.h"

namespace neurosplat {

struct DecoderChoices {
  /// Above 0, times the number of pictures; each group of latents takes the one that foretells left
  /// out pictures best.
  std::vector<double> penalties = penalties_between(1e-3, 1e4, 15);
  /// Decoded latents get the spread of the training pictures' (docs/spike-decoding.md, "Ridge").
  bool rescale = false;
};

/// Ridge regression from mean responses to latents of pictures.
class SpikeDecoder {
 public:
  /// Responses float [N, U], latents [N, D] and what is left out together, int64 [N], of training
  /// pictures; `latent_group` int64 [D]. Nothing else is looked at. Throws Error as fit_ridge().
  SpikeDecoder(const at::Tensor& responses, const at::Tensor& latents, const at::Tensor& group,
               const at::Tensor& latent_group, const DecoderChoices& choices);

  /// Responses [M, U] to latents, float32 [M, D].
  at::Tensor operator()(const at::Tensor& responses) const;

  std::int64_t units() const { return mean_.size(0); }
  std::int64_t latents() const { return offset_.size(0); }
  /// The penalty of each latent group, rising by group, float64 [G].
  const at::Tensor& penalties() const { return penalties_; }

  /// All that decoding needs, by name.
  std::map<std::string, at::Tensor> state() const;
  /// Throws Error that names a tensor that is missing or of another shape, or not finite.
  explicit SpikeDecoder(const std::map<std::string, at::Tensor>& state);

 private:
  at::Tensor mean_, deviation_;  // float64 [U]
  at::Tensor weights_, offset_;  // float32 [U, D], [D]
  at::Tensor penalties_;
};

/// Mean responses as decoders take them: square roots of mean counts, whose noise hardly depends on
/// the count. Counts int [P, U, R], -1: missing; float64 [P, U].
at::Tensor decoder_responses(const at::Tensor& counts);

/// A decoder as it lies in a file.
struct StoredSpikeDecoder {
  SpikeDecoder decoder;
  std::filesystem::path file;
  std::map<std::string, std::string> metadata;
};

/// What a folder calls it.
inline const std::vector<std::string> kSpikeDecoderFileNames = {"decoder.safetensors"};

/// Throws Error, one line.
StoredSpikeDecoder load_spike_decoder(const std::filesystem::path& path);
void save_spike_decoder(const std::filesystem::path& path, const SpikeDecoder& decoder,
                        const std::map<std::string, std::string>& more);

}  // namespace neurosplat
