#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "neurosplat/systems/spike_decoder/spike_decoder.h"

/// Pictures decoded by decoders that never saw them, and what such pictures are compared with
/// (docs/spike-decoding.md, "Evaluation"). N pictures, U units, D latents throughout.
namespace neurosplat {

/// What is held out together. All int64 [N].
struct HeldOut {
  at::Tensor group;  ///< movies, clusters or pictures: whole ones are held out
  at::Tensor fold;   ///< 0 to kFolds - 1, the same for all of a group
};

/// Folds of whole groups drawn by the seed. Throws Error for fewer groups than folds.
HeldOut hold_out(const at::Tensor& group, std::uint64_t seed);

/// Calls `decode` for each fold: rows to train on, rows to decode; puts what it gives, [rows, ...],
/// at its place. Nothing of a fold goes into what decodes it.
using FoldDecoder = std::function<at::Tensor(const at::Tensor& train, const at::Tensor& test)>;
at::Tensor for_each_fold(const HeldOut& held_out, const FoldDecoder& decode);

/// Latents of every picture by ridge, decoders of the other folds: float32 [N, D].
at::Tensor decode_latents(const at::Tensor& responses, const at::Tensor& latents,
                          const at::Tensor& latent_group, const HeldOut& held_out,
                          const DecoderChoices& choices);

/// The mean of the other folds' rows for each row of [N, ...], float32.
at::Tensor training_means(const at::Tensor& rows, const HeldOut& held_out);

/// Grey pictures from a linear encoder turned round: responses r = W x + noise are foretold from
/// grey pixels x, 16 a side, by ridge; of a new r, the most probable x under a Gaussian prior with
/// the training pictures' mean and covariance C (shrunk by a tenth to its diagonal) and noise of
/// the left-out residuals' variances S: mean + C W' (W C W' + S)^-1 (r - mean r). Pictures float32
/// [N, 3, side, side] in [0, 1]; the same.
at::Tensor invert_encoder(const at::Tensor& responses, const at::Tensor& pictures,
                          const HeldOut& held_out);

/// Rows [N, ...] of which each group has another group's, by the seed: responses that have nothing
/// to do with their pictures, but all their statistics. A group takes the rows of the one whose
/// turn it is in order, the first again where they are fewer.
at::Tensor other_groups_rows(const at::Tensor& rows, const at::Tensor& group, std::uint64_t seed);

/// Counts [N, U, R] of neurons that see nothing: Poisson with each unit's mean, -1 where the given
/// ones are.
at::Tensor noise_counts(const at::Tensor& counts, std::uint64_t seed);

/// The protocol of SpikeVAEDiff's published code: one decoder of all rows with one penalty of
/// 100,000 (theirs, not times N), its latents of the very same rows made to have the training
/// latents' mean and deviation by their own mean and deviation. float32 [N, D]. It says how well a
/// fit can be looked up, not what responses hold.
at::Tensor decode_as_published(const at::Tensor& responses, const at::Tensor& latents);

}  // namespace neurosplat
