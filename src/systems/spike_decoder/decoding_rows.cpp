#include "systems/spike_decoder/decoding_rows.h"

#include <ATen/ATen.h>

namespace neurosplat {
namespace {

/// Numbers that tell the draws of one seed apart.
constexpr std::uint64_t kShuffle = 1, kNoise = 2;

/// Latents less the mean that the decoder knows, so that what all share identifies none.
DecodedPictures row_of(const std::string& name, const DecodedSession& session,
                       const SpaceLatents& space, const at::Tensor& latents,
                       const at::Tensor& means) {
  return {name, drawn(session, space.space, latents), latents - means, space.latents - means};
}

/// Rows decoded from `responses` instead of the session's.
DecodedPictures decoded_from(const std::string& name, const DecodedSession& session,
                             const SpaceLatents& space, const at::Tensor& responses,
                             bool rescale = false) {
  const auto latents = decode_latents(responses, space.latents, space.space.group, session.held_out,
                                      {.rescale = rescale});
  return row_of(name, session, space, latents, training_means(space.latents, session.held_out));
}

/// Every second repeat from `first` on.
at::Tensor half_of(const at::Tensor& counts, std::int64_t first) {
  return counts.slice(2, first, c10::nullopt, 2);
}

bool has_repeats_in(const at::Tensor& counts) {
  return counts.size(2) > 0 && counts.ge(0).any(2).all().item<bool>();
}

}  // namespace

DecodedSession session_of(const PictureResponses& recorded, std::uint64_t seed) {
  const auto pictures = recorded.pictures.to(at::kFloat).div(255);
  const bool grey = recorded.pictures.amax(1).equal(recorded.pictures.amin(1));
  return {recorded, pictures, decoder_responses(recorded.counts), hold_out(recorded.group, seed),
          grey,     seed};
}

at::Tensor drawn(const DecodedSession& session, const LatentSpace& space,
                 const at::Tensor& latents) {
  auto pictures = pictures_of(space, latents, session.pictures.size(2));
  if (!session.grey) return pictures;
  return pictures.mean(1, /*keepdim=*/true).expand({-1, 3, -1, -1}).contiguous();
}

std::vector<DecodedPictures> held_out_rows(const DecodedSession& session,
                                           const std::vector<SpaceLatents>& spaces) {
  const auto& first = spaces.front();
  std::vector<DecodedPictures> rows;
  rows.push_back({"mean picture", training_means(session.pictures, session.held_out)});
  rows.push_back(decoded_from(
      "shuffled spikes", session, first,
      other_groups_rows(session.responses, session.held_out.group, session.seed + kShuffle)));
  rows.push_back(decoded_from(
      "noise spikes", session, first,
      decoder_responses(noise_counts(session.recorded.counts, session.seed + kNoise))));
  rows.push_back(
      {"encoder inversion", invert_encoder(session.responses, session.pictures, session.held_out)});
  for (const auto& space : spaces) {
    const auto& name = space.space.name;
    rows.push_back(decoded_from(name, session, space, session.responses));
    rows.push_back(decoded_from(name + ", rescaled", session, space, session.responses, true));
    rows.push_back({name + ", ceiling", drawn(session, space.space, space.latents)});
  }
  return rows;
}

std::vector<DecodedPictures> same_picture_rows(const DecodedSession& session,
                                               const SpaceLatents& space) {
  std::vector<DecodedPictures> rows;
  const auto means = space.latents.mean(0, /*keepdim=*/true);
  const auto odd = half_of(session.recorded.counts, 0), even = half_of(session.recorded.counts, 1);
  if (has_repeats_in(odd) && has_repeats_in(even)) {
    const SpikeDecoder decoder(decoder_responses(odd), space.latents, session.held_out.group,
                               space.space.group, {});
    rows.push_back(
        row_of("other repeats", session, space, decoder(decoder_responses(even)), means));
  }
  rows.push_back(row_of("published", session, space,
                        decode_as_published(session.responses, space.latents), means));
  const auto shuffled =
      other_groups_rows(session.responses, session.held_out.group, session.seed + kShuffle);
  rows.push_back(row_of("published, shuffled spikes", session, space,
                        decode_as_published(shuffled, space.latents), means));
  return rows;
}

}  // namespace neurosplat
