#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace neurosplat {

/// Levels of latents, from one pixel a side to half the picture's: 1, S/16, S/8, S/4, S/2.
inline constexpr std::size_t kHierarchicalLevels = 5;

/// What fixes the networks of a hierarchical VAE (docs/hierarchical-vae.md, "Networks").
struct HierarchicalVaeArchitecture {
  std::int64_t image_size = 64;  ///< pixels a side, a multiple of 16
  /// Channels of the finest level, a multiple of 8; the others have 3, 3, 2 and 1.5 times as many.
  std::int64_t width = 128;
  std::int64_t latent_channels = 16;
  std::vector<std::int64_t> blocks = {1, 2, 3, 5, 2};          ///< with latents, coarse to fine
  std::vector<std::int64_t> encoder_blocks = {1, 2, 3, 3, 2};  ///< coarse to fine

  bool operator==(const HierarchicalVaeArchitecture&) const = default;
};

/// Throws UsageError unless it can be built.
void check(const HierarchicalVaeArchitecture& architecture);

/// The latents of one block: [B, channels, side, side].
struct LatentShape {
  std::int64_t channels = 0, side = 0;

  bool operator==(const LatentShape&) const = default;
};

/// The evidence lower bound of each picture in parts, nats.
struct HierarchicalElbo {
  at::Tensor reconstruction;   ///< [B]: -log p(picture | latents), of 8-bit values
  std::vector<at::Tensor> kl;  ///< of each block [B, channels]: KL of the posterior from the prior
};

/// Pictures drawn from the latents of some blocks alone.
struct CoarsePictures {
  at::Tensor pictures;         ///< [B, 3, S, S], not yet cut to [0, 1]
  std::vector<at::Tensor> kl;  ///< as in HierarchicalElbo, of these blocks
};

struct PictureBits {
  at::Tensor bits_per_dimension;  ///< [B]: an upper bound (one sample of the latents)
  at::Tensor kl;                  ///< [B, blocks], nats
};

class HierarchicalVaeNetworks;

/// A small VD-VAE (Child 2021, docs/sources.md): latents on maps of 1 pixel a side to S/2, each
/// block's prior and posterior given all blocks before it. Its picture is the mean of a logistic
/// distribution of 8-bit values. Pictures are floating-point [B, 3, S, S] in [0, 1]; other shapes
/// throw UsageError. Copies share their weights. Noise is drawn on the CPU from the generator
/// given.
class HierarchicalVae {
 public:
  explicit HierarchicalVae(const HierarchicalVaeArchitecture& architecture, std::uint64_t seed = 0);

  const HierarchicalVaeArchitecture& architecture() const { return architecture_; }
  /// Of every block, in the order in which they are decoded: coarse to fine.
  const std::vector<LatentShape>& levels() const { return levels_; }
  /// How many blocks, from the first, have maps of at most `side` pixels a side.
  std::size_t blocks_up_to(std::int64_t side) const;

  /// Means of all blocks' posteriors, each given the means of those before it. No gradient.
  std::vector<at::Tensor> encode(const at::Tensor& pictures) const;
  /// Pictures float32 in [0, 1] from the latents of the first k blocks, at least one; those of the
  /// rest are prior mean + temperature * prior deviation * noise. No gradient. Throws UsageError
  /// for other shapes, a temperature below 0, and one above it without a generator.
  at::Tensor decode(const std::vector<at::Tensor>& latents, double temperature = 0,
                    const at::Generator& generator = {}) const;
  /// As many pictures from the prior alone. No gradient.
  at::Tensor sample(std::int64_t count, double temperature, const at::Generator& generator) const;

  /// Of pictures, whose values are rounded to 255ths, with latents drawn from the posterior. With a
  /// gradient, for training: of several processes each draws for its rows (processes::normal_rows).
  HierarchicalElbo elbo(const at::Tensor& pictures, const at::Generator& generator) const;
  /// The latents of the first `blocks` drawn from the posterior, prior means for the rest. With a
  /// gradient, likewise.
  CoarsePictures coarse(const at::Tensor& pictures, std::size_t blocks,
                        const at::Generator& generator) const;
  /// elbo() over the pictures' 3 S S numbers in bits. No gradient.
  PictureBits bits_per_dimension(const at::Tensor& pictures, const at::Generator& generator) const;

  void to(const at::Device& device) const;
  at::Device device() const;
  std::int64_t parameter_count() const;
  /// Weights by name: the model's own tensors, not copies.
  std::map<std::string, at::Tensor> state() const;
  /// Throws Error that names a tensor that is missing, of another shape or of no layer.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;

 private:
  HierarchicalVaeArchitecture architecture_;
  std::vector<LatentShape> levels_;
  std::shared_ptr<HierarchicalVaeNetworks> networks_;
};

}  // namespace neurosplat
