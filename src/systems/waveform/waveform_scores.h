#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/systems/waveform/response_data.h"
#include "neurosplat/systems/waveform/waveform_autoencoder.h"

namespace neurosplat {

/// Everything a model makes of responses and their pictures, on the CPU.
struct WaveformDrawings {
  at::Tensor latent;                   ///< [N, d], the pictures' own
  at::Tensor from_synthetic;           ///< [N, d], of the waveform made of the picture
  at::Tensor from_real;                ///< [N, d], of the recorded one
  at::Tensor direct, synthetic, real;  ///< pictures drawn from the three, [N, 3, S, S]
};

/// `noise`: deviation of what is added to the synthetic waveform, in the recording's, drawn by
/// `seed`. Pictures float32 [N, 3, S, S] in [0, 1], recorded waveforms as recorded. Without leaky
/// skips unless the model has them: then the target's maps go in, as in the original.
WaveformDrawings draw_responses(const WaveformAutoencoder& model, const at::Tensor& pictures,
                                const at::Tensor& recorded, double noise, std::uint64_t seed);

/// Means over pictures.
struct PictureScores {
  double psnr_db, ssim, mse;
};
PictureScores score_pictures(const at::Tensor& drawn, const at::Tensor& pictures);

/// Rows in another order, so that none stands where a row of its own picture stood, if there are
/// two pictures: what is drawn from another picture's response.
at::Tensor other_pictures_rows(const at::Tensor& rows, const at::Tensor& number,
                               std::uint64_t seed);

/// Share of rows whose latent is most alike, by cosine, to its own picture's among all of `others`.
/// Rows of one number are one picture: any of these counts.
double retrieval_top1(const at::Tensor& latents, const at::Tensor& of_pictures,
                      const at::Tensor& number);
/// Share of pairs (a row, another picture) in which its own picture is nearer, by cosine.
double two_way(const at::Tensor& latents, const at::Tensor& of_pictures, const at::Tensor& number);

/// Probability, if responses had nothing to do with pictures, that shuffling whole pictures among
/// responses gives a mean squared error as low: (1 + count) / (1 + shuffles).
double permutation_p(const at::Tensor& drawn, const at::Tensor& pictures, const at::Tensor& number,
                     std::int64_t shuffles, std::uint64_t seed);

}  // namespace neurosplat
