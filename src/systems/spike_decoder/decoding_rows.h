#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/recordings/picture_responses.h"
#include "neurosplat/systems/spike_decoder/held_out_decoding.h"
#include "systems/spike_decoder/decoding_scores.h"

namespace neurosplat {

/// A session as all ways of decoding it see it.
struct DecodedSession {
  const PictureResponses& recorded;
  at::Tensor pictures;   ///< float32 [N, 3, S, S] in [0, 1]
  at::Tensor responses;  ///< float64 [N, U]
  HeldOut held_out;
  bool grey;  ///< all pictures are: then so is what is decoded
  std::uint64_t seed;
  std::int64_t shuffles;  ///< of refitted_permutation()
};

DecodedSession session_of(const PictureResponses& recorded, std::uint64_t seed,
                          std::int64_t shuffles);

/// A latent space and the session's pictures in it.
struct SpaceLatents {
  const LatentSpace& space;
  at::Tensor latents;  ///< float32 [N, D]
};

/// Pictures of decoded latents, in the session's size and colours; undefined where nothing draws
/// them.
at::Tensor drawn(const DecodedSession& session, const LatentSpace& space,
                 const at::Tensor& latents);

/// Ways of decoding that hold pictures out, under their names in the table: the mean picture, the
/// first space from other movies' responses ("shuffled spikes") and from neurons that see nothing
/// ("noise spikes"), the encoder turned round, then of each space its ridge, the same rescaled and
/// its own reconstruction of the picture shown ("ceiling").
std::vector<DecodedPictures> held_out_rows(const DecodedSession& session,
                                           const std::vector<SpaceLatents>& spaces);

/// Ways that do not: the same pictures in training and test. "other repeats": trained on the odd
/// repeats, decoded from the even ones, where there are two of every picture for every unit.
/// "published": see decode_as_published(); "published, shuffled spikes": the same of responses that
/// have nothing to do with their pictures.
std::vector<DecodedPictures> same_picture_rows(const DecodedSession& session,
                                               const SpaceLatents& space);

}  // namespace neurosplat
