#include "systems/spike_decoder/decoding_rows.h"

#include <ATen/ATen.h>

#include <utility>

#include "systems/spike_decoder/refitted_permutation.h"

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

/// Rows decoded from `responses` instead of the session's, and rescaled too where that is asked
/// for.
std::vector<DecodedPictures> decoded_from(const std::string& name, const DecodedSession& session,
                                          const SpaceLatents& space, const at::Tensor& responses,
                                          bool rescaled_too) {
  const auto means = training_means(space.latents, session.held_out);
  const auto& group = space.space.group;
  const auto p = refitted_permutation(responses, space.latents, group, session.held_out,
                                      DecoderChoices().penalties, session.shuffles, session.seed)
                     .p;
  std::vector<DecodedPictures> rows;
  for (const bool rescale : {false, true}) {
    if (rescale && !rescaled_too) continue;
    const auto latents =
        decode_latents(responses, space.latents, group, session.held_out, {.rescale = rescale});
    rows.push_back(row_of(rescale ? name + ", rescaled" : name, session, space, latents, means));
    rows.back().permutation_p = p;
  }
  return rows;
}

/// Every second repeat from `first` on.
at::Tensor half_of(const at::Tensor& counts, std::int64_t first) {
  return counts.slice(2, first, c10::nullopt, 2);
}

bool has_repeats_in(const at::Tensor& counts) {
  return counts.size(2) > 0 && counts.ge(0).any(2).all().item<bool>();
}

}  // namespace

DecodedSession session_of(const PictureResponses& recorded, std::uint64_t seed,
                          std::int64_t shuffles) {
  const auto pictures = recorded.pictures.to(at::kFloat).div(255);
  const bool grey = recorded.pictures.amax(1).equal(recorded.pictures.amin(1));
  return {
      recorded, pictures, decoder_responses(recorded.counts), hold_out(recorded.group, seed), grey,
      seed,     shuffles};
}

at::Tensor drawn(const DecodedSession& session, const LatentSpace& space,
                 const at::Tensor& latents) {
  if (!space.decode) return {};
  auto pictures = pictures_of(space, latents, session.pictures.size(2));
  if (!session.grey) return pictures;
  return pictures.mean(1, /*keepdim=*/true).expand({-1, 3, -1, -1}).contiguous();
}

std::vector<DecodedPictures> held_out_rows(const DecodedSession& session,
                                           const std::vector<SpaceLatents>& spaces) {
  const auto& first = spaces.front();
  std::vector<DecodedPictures> rows;
  const auto add = [&](const std::string& name, const SpaceLatents& space,
                       const at::Tensor& responses, bool rescaled_too) {
    for (auto& row : decoded_from(name, session, space, responses, rescaled_too)) {
      rows.push_back(std::move(row));
    }
  };
  rows.push_back({"mean picture", training_means(session.pictures, session.held_out)});
  add("shuffled spikes", first,
      other_groups_rows(session.responses, session.held_out.group, session.seed + kShuffle), false);
  add("noise spikes", first,
      decoder_responses(noise_counts(session.recorded.counts, session.seed + kNoise)), false);
  rows.push_back(
      {"encoder inversion", invert_encoder(session.responses, session.pictures, session.held_out)});
  for (const auto& space : spaces) {
    add(space.space.name, space, session.responses, true);
    if (!space.space.decode) continue;
    rows.push_back({space.space.name + ", ceiling", drawn(session, space.space, space.latents)});
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
