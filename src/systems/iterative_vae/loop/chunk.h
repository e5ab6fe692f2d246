#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "neurosplat/simd/aligned_floats.h"
#include "systems/iterative_vae/loop/loop.h"

/// The fused loop on a few pictures at a time. No torch: pointers and sizes.
namespace neurosplat::ivae {

/// What all chunks of a batch read. Matrices have padded rows; K is a multiple of 32, M of 16.
struct LoopProblem {
  const Kernels* kernels;
  const LoopSettings* settings;
  bool poisson;
  std::int64_t pictures, pixels, latents;
  const float* dictionary;               ///< [M][latent_row()]
  const float* transposed;               ///< [K][pixel_row()]
  const float *precision, *bias, *gain;  ///< [M], [K], [K] or null
  float rates[2];                        ///< e^l
  const float* x;                        ///< [B][M]
  const float* begin[2];                 ///< states, [B][K]

  // Rows that are no multiple of a kilobyte long (simd/product.h).
  std::int64_t latent_row() const { return simd::padded(latents) + simd::kPadding; }
  std::int64_t pixel_row() const { return simd::padded(pixels) + simd::kPadding; }
  int states() const { return poisson ? 1 : 2; }
};

/// What a chunk adds to, its own until all are done: sums over its pictures.
struct ChunkSums {
  explicit ChunkSums(const LoopProblem& problem);

  std::vector<double> nll, kl;     ///< by frame
  std::vector<float> largest;      ///< log-rate of each sample
  simd::AlignedFloats dictionary;  ///< [M][latent_row()], as what follows, adjoints
  simd::AlignedFloats precision, bias, log_gain;
  double log_rates[2] = {0, 0};
};

/// Working memory, kept from chunk to chunk.
class Chunk {
 public:
  explicit Chunk(const LoopProblem& problem);

  /// Infers pictures first .. first + count - 1, scores them and goes all the way back. end[i] and
  /// begin_adjoint[i], [B][K], get their rows of the last states and of the first ones' adjoints.
  void run(std::int64_t first, std::int64_t count, ChunkSums& sums, float* const* end,
           float* const* begin_adjoint);

 private:
  enum LatentSheet {
    kState,
    kSecondState,
    kActivity,
    kSlope,
    kDrive,
    kChange,
    kSecondChange,
    kThrough,
    kSecondThrough,
    kKept,
    kSecondKept,
    kLatentSheets
  };
  static constexpr LatentSheet kNoise = kSlope;

  float* latent(int sheet, std::int64_t sample, std::int64_t row) {
    return latents_[static_cast<std::size_t>(sheet)].data() +
           (sample * count_ + row) * problem_.latent_row();
  }
  float* error(std::int64_t sample, std::int64_t row) {
    return errors_.data() + (sample * count_ + row) * problem_.pixel_row();
  }
  float* expected_adjoint(std::int64_t sample, std::int64_t row) {
    return expected_adjoints_.data() + (sample * count_ + row) * problem_.pixel_row();
  }
  /// The sample whose state is the prior of the iteration that begins at `sample`.
  std::int64_t prior_of(std::int64_t sample) const {
    return sample / settings_.inner * settings_.inner;
  }
  bool is_scored(std::int64_t sample) const { return sample > 0 && sample % settings_.inner == 0; }

  void forward(ChunkSums& sums);
  void draw_sample(std::int64_t sample, ChunkSums& sums);
  void score(std::int64_t sample, ChunkSums& sums);
  void iterate(std::int64_t sample);
  void backward(ChunkSums& sums);
  void step_back(std::int64_t sample, ChunkSums& sums);
  void add_to_dictionary(ChunkSums& sums);
  GaussianStep gaussian_step(std::int64_t sample, std::int64_t row);
  GaussianBack gaussian_back(std::int64_t sample, std::int64_t row, ChunkSums& sums);

  const LoopProblem& problem_;
  const LoopSettings& settings_;
  const Kernels& kernels_;
  Ceilings ceilings_;
  float weight_;  ///< of one picture and frame in the loss
  std::int64_t first_ = 0, count_ = 0;
  std::array<simd::AlignedFloats, kLatentSheets> latents_;
  simd::AlignedFloats errors_, expected_adjoints_;
  simd::AlignedFloats adjoint_[2], prior_adjoint_[2], sample_adjoint_, error_adjoint_;
};

}  // namespace neurosplat::ivae
