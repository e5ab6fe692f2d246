#include "neurosplat/recordings/picture_responses.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kMostCounts = std::int64_t{1} << 36U;

/// How many trials each picture has.
std::vector<std::int64_t> trials_of(std::span<const std::int64_t> picture, std::int64_t pictures) {
  std::vector<std::int64_t> trials(static_cast<std::size_t>(pictures));
  for (std::size_t trial = 0; trial < picture.size(); ++trial) {
    if (picture[trial] < -1 || picture[trial] >= pictures) {
      throw Error(text("trials: expected pictures below ", pictures, ", or -1 for none, got ",
                       picture[trial], " in trial ", trial));
    }
    if (picture[trial] >= 0) ++trials[static_cast<std::size_t>(picture[trial])];
  }
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i] == 0) throw Error(text("trials: expected one of each picture, none of ", i));
  }
  return trials;
}

}  // namespace

at::Tensor spike_counts(const NwbFile& file, std::span<const std::size_t> units,
                        std::span<const double> onsets, CountWindow window) {
  const auto counts = count_spikes(file, units, onsets, window);
  auto result = at::empty({std::ssize(onsets), std::ssize(units)}, at::kInt);
  if (!counts.empty()) {
    std::memcpy(result.mutable_data_ptr(), counts.data(), counts.size() * sizeof counts.front());
  }
  return result;
}

at::Tensor repeats_of(const at::Tensor& counts, std::span<const std::int64_t> picture,
                      std::int64_t pictures) {
  if (!counts.defined() || counts.dim() != 2 || counts.size(0) != std::ssize(picture) ||
      !at::isIntegralType(counts.scalar_type(), /*includeBool=*/false)) {
    throw Error(text("counts: expected whole numbers [", picture.size(), ", units], got ",
                     counts.scalar_type(), ' ', counts.sizes()));
  }
  if (pictures < 1 || pictures > std::int64_t{1} << 24U) {
    throw Error(text("trials: expected from one picture on, got ", pictures));
  }
  const auto trials = trials_of(picture, pictures);
  const auto repeats = *std::max_element(trials.begin(), trials.end());
  const auto units = counts.size(1);
  if (units > 0 && pictures * repeats > kMostCounts / units) {
    throw Error(text("counts: expected some that fit memory, got ", pictures, " pictures of ",
                     units, " units and ", repeats, " repeats"));
  }
  auto folded = at::full({pictures, units, repeats}, -1, at::kInt);
  const auto rows = counts.to(at::kInt).contiguous();
  const auto* from = rows.const_data_ptr<std::int32_t>();
  auto* into = folded.mutable_data_ptr<std::int32_t>();
  std::vector<std::int64_t> next(trials.size());
  for (std::size_t trial = 0; trial < picture.size(); ++trial, from += units) {
    if (picture[trial] < 0) continue;
    const auto repeat = next[static_cast<std::size_t>(picture[trial])]++;
    auto* const place = into + picture[trial] * units * repeats + repeat;
    for (std::int64_t unit = 0; unit < units; ++unit) place[unit * repeats] = from[unit];
  }
  return folded;
}

PictureResponses responses_of(const at::Tensor& counts, std::span<const std::int64_t> picture,
                              std::int64_t pictures, std::vector<std::string> areas) {
  PictureResponses responses;
  responses.counts = repeats_of(counts, picture, pictures);
  if (std::ssize(areas) != counts.size(1)) {
    throw Error(
        text("areas: expected one for each of ", counts.size(1), " units, got ", areas.size()));
  }
  responses.areas = std::move(areas);
  responses.group = at::arange(pictures, at::kLong);
  return responses;
}

PictureResponses responses_of(const V1Session& session) {
  PictureResponses responses;
  responses.name = session.name;
  responses.pictures = session.pictures;
  responses.counts = session.counts.to(at::kInt);
  responses.areas.assign(static_cast<std::size_t>(session.counts.size(1)), "V1");
  responses.group = session.movie;
  responses.scene = session.condition;
  return responses;
}

PictureResponses responses_of(const NwbFile& file, std::span<const std::size_t> units,
                              const NwbPresentations& presentations, CountWindow window) {
  const auto& picture = presentations.picture;
  const auto last = std::max_element(picture.begin(), picture.end());
  if (last == picture.end() || *last < 0) {
    throw Error(text(file.path().string(), ": /intervals/", presentations.name,
                     ": expected presentations of pictures, found none: name another table"));
  }
  std::vector<std::string> areas;
  for (const auto unit : units) areas.push_back(file.units().area.at(unit));
  auto responses = responses_of(spike_counts(file, units, presentations.start, window), picture,
                                *last + 1, std::move(areas));
  responses.name = file.identifier();
  return responses;
}

}  // namespace neurosplat
