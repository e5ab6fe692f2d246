#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "neurosplat/recordings/spike_counts.h"
#include "neurosplat/recordings/v1_session.h"

namespace neurosplat {

/// Spike counts of units to pictures, whatever recorded them.
struct PictureResponses {
  std::string name;
  at::Tensor pictures;             ///< uint8 [P, 3, side, side]; undefined where they are not known
  at::Tensor counts;               ///< int32 [P, U, R]; -1: missing
  std::vector<std::string> areas;  ///< [U]
  at::Tensor group;                ///< int64 [P]: hold out whole ones
  at::Tensor scene;                ///< int64 [P], the same for frames of one movie; undefined: none
};

/// int32 [onsets, units], see count_spikes.
at::Tensor spike_counts(const NwbFile& file, std::span<const std::size_t> units,
                        std::span<const double> onsets, CountWindow window);

/// Counts int [T, U] of trials in order of time and the picture of each, to int32 [P, U, R]:
/// repeats of a picture in that order, -1 where it has fewer than the others. Trials of picture -1
/// (blanks) are dropped. Throws Error for another picture below 0 or beyond the last, and a picture
/// without a trial.
at::Tensor repeats_of(const at::Tensor& counts, std::span<const std::int64_t> picture,
                      std::int64_t pictures);

/// The same as responses: each picture a group of its own, all units in `areas` [U]; no pictures.
PictureResponses responses_of(const at::Tensor& counts, std::span<const std::int64_t> picture,
                              std::int64_t pictures, std::vector<std::string> areas);

/// Area "V1"; group: the movie; scene: the condition.
PictureResponses responses_of(const V1Session& session);

/// Responses of the units to the pictures of the presentations, as many as the largest number says.
PictureResponses responses_of(const NwbFile& file, std::span<const std::size_t> units,
                              const NwbPresentations& presentations, CountWindow window);

/// Counts from .npy (of whole numbers: [trials, units] or [P, U, R]) or .csv ([trials, units]; a
/// first line of names may stand above, then a first name that is empty marks a column of row
/// numbers, which is dropped): int32. Throws Error for counts below 0 (-1, missing, is allowed in
/// [P, U, R]) or beyond int32.
at::Tensor read_counts(const std::filesystem::path& file);

/// The picture of each trial from .npy (int [trials]) or .csv: lines trial,picture; trials rise
/// from the first by one. -1: blank.
std::vector<std::int64_t> read_trial_pictures(const std::filesystem::path& file);

/// Responses from a file of counts; [trials, units] need the file with the picture of each trial,
/// else it is empty. All units are in `area`.
PictureResponses read_picture_responses(const std::filesystem::path& counts,
                                        const std::filesystem::path& trial_pictures,
                                        const std::string& area);

}  // namespace neurosplat
