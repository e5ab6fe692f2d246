#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "neurosplat/recordings/recording.h"

/// "Single- and multi-unit recordings from primary visual cortex", data set pvc-1 of CRCNS
/// (Nauhaus and Ringach 2007): arrays of electrodes in macaque V1, movies at 30 frames/s.
namespace neurosplat {

/// Frames a second of the movies, and seconds from a frame to the response that it causes.
inline constexpr double kMovieRate = 30, kResponseLatency = 0.06;

/// The frame (from 0) that a spike at `seconds` answers: floor((t - latency) rate). Negative before
/// the first one's response.
std::int64_t frame_answered(double seconds, double rate = kMovieRate,
                            double latency = kResponseLatency);

/// Reads a recording's .mat (struct pepANA): the conditions that showed segments of movies;
/// gratings and blanks are left out. Throws Error, one line that names the place, for counts, types
/// and shapes that are none of the layout.
Recording read_pvc1(const std::filesystem::path& file);

/// Writes the same layout, conditions in the order of movie and segment. The recording has, of each
/// segment, repeats 0 to n - 1.
void write_pvc1(const std::filesystem::path& file, const Recording& recording);

/// The recordings (.mat) below `root` (or its crcns-ringach-data/), sorted.
std::vector<std::filesystem::path> pvc1_recordings(const std::filesystem::path& root);

}  // namespace neurosplat
