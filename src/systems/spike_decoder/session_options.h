#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/recordings/picture_responses.h"
#include "neurosplat/recordings/simulated_session.h"

namespace neurosplat::apps {

/// Which responses a command decodes, and of which pictures.
struct SessionOptions {
  std::filesystem::path data, trials, pictures;
  std::string session, presentations = "natural_scenes", areas;
  double from_ms = 0, to_ms = 250, least_rate = 0.1;
  bool all_units = false;
  std::int64_t units = 20, repeats = 10, count = 118, side = 64, session_seed = 0, clusters = 0;

  std::vector<std::pair<std::string, std::filesystem::path>> inputs() const {
    return {{"data", data}, {"trials", trials}, {"pictures", pictures}};
  }
};

/// --data and what belongs to it.
void add_session_options(CLI::App& command, SessionOptions& options);

/// Responses and their pictures, at least `kFolds` of them. A session is simulated where there is
/// no --data. Throws Error and UsageError, one line.
PictureResponses open_session(const SessionOptions& options);

/// The session that is simulated where there is no --data.
SimulatedSession simulated_session(const SessionOptions& options);

/// Pictures of the session that is simulated, or of --pictures: a folder's, sorted by path, or
/// uint8 .npy [P, H, W], [P, H, W, 3] or [P, 3, H, W]. uint8 [P, 3, side, side].
at::Tensor session_pictures(const SessionOptions& options);

/// Of pictures, counts and what is held out together: what a decoder was fitted to.
std::string hash_of_session(const PictureResponses& responses);

/// Units of the areas named, of all where none are. Throws UsageError for an area without a unit.
PictureResponses of_areas(const PictureResponses& responses, const std::vector<std::string>& areas);

}  // namespace neurosplat::apps
