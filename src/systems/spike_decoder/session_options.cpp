#include "systems/spike_decoder/session_options.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/recordings/folds.h"
#include "systems/spike_decoder/picture_clusters.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

void check(const SessionOptions& options) {
  if (!(options.from_ms >= 0 && options.to_ms > options.from_ms && options.to_ms <= 10000)) {
    throw UsageError(text("from-ms, to-ms: expected 0 <= from < to <= 10000, got ", options.from_ms,
                          " and ", options.to_ms));
  }
  if (options.side < 16 || options.side > 256) {
    throw UsageError(text("image-size: expected 16 to 256, got ", options.side));
  }
  if (options.count < 10 || options.count > 10000) {
    throw UsageError(text("count: expected 10 to 10000 pictures, got ", options.count));
  }
  if (options.clusters < 0) throw UsageError("clusters: expected at least 0");
  if (!(options.least_rate >= 0)) throw UsageError("least-rate: expected at least 0 Hz");
  if (options.session_seed < 0) throw UsageError("session-seed: expected at least 0");
}

/// [P, H, W], [P, H, W, 3] or [P, 3, H, W] to [P, 3, H, W].
at::Tensor with_channels(const at::Tensor& pictures, const fs::path& file) {
  if (pictures.scalar_type() == at::kByte && pictures.numel() > 0) {
    if (pictures.dim() == 3) return pictures.unsqueeze(1).expand({-1, 3, -1, -1});
    if (pictures.dim() == 4 && pictures.size(3) == 3) return pictures.permute({0, 3, 1, 2});
    if (pictures.dim() == 4 && pictures.size(1) == 3) return pictures;
  }
  throw Error(text(file.string(), ": expected uint8 [P, H, W], [P, H, W, 3] or [P, 3, H, W], got ",
                   pictures.scalar_type(), ' ', pictures.sizes()));
}

at::Tensor squares(const at::Tensor& pictures, std::int64_t side) {
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    all.push_back(centre_square(pictures[i].contiguous(), side));
  }
  return at::stack(all);
}

at::Tensor decoded(const std::shared_ptr<const PictureSource>& source, std::int64_t count,
                   std::int64_t side) {
  const auto few = count > 0 ? std::min(count, source->size()) : source->size();
  auto pictures = at::empty({few, 3, side, side}, at::kByte);
  for (std::int64_t i = 0; i < few; ++i) {
    source->decode(i, side, pictures[i].mutable_data_ptr<std::uint8_t>());
  }
  return pictures;
}

/// Counts of the good units, without a file between.
PictureResponses simulated(const SessionOptions& options) {
  const auto session = simulated_session(options);
  const auto& shown = session.presentations();
  const auto trials = std::ssize(shown.start), units = std::ssize(session.good());
  auto counts = at::empty({units, trials}, at::kInt);
  std::vector<std::string> areas;
  for (std::int64_t i = 0; i < units; ++i) {
    const auto unit = session.good()[static_cast<std::size_t>(i)];
    const auto own = count_spikes(session.spike_times(unit), shown.start,
                                  {options.from_ms / 1000, options.to_ms / 1000});
    std::memcpy(counts[i].mutable_data_ptr<std::int32_t>(), own.data(), own.size() * sizeof own[0]);
    areas.push_back(session.areas()[unit]);
  }
  const auto pictures = session_pictures(options);
  auto responses = responses_of(counts.t(), shown.picture, pictures.size(0), std::move(areas));
  responses.name = "simulated";
  responses.pictures = pictures;
  return responses;
}

PictureResponses from_nwb(const SessionOptions& options) {
  const NwbFile file(options.data);
  UnitFilter filter;
  if (options.all_units) filter = {1e300, -1e300, 1e300, "", false, 0, {}};
  filter.least_rate = options.least_rate;
  filter.areas = words_of(options.areas);
  const auto selected = select_units(file.units(), filter);
  for (const auto& column : selected.absent) {
    log::warn(text(options.data.string(), ": no column ", column, ", nothing is filtered by it"));
  }
  if (selected.rows.empty()) {
    throw Error(text(options.data.string(),
                     ": units: expected some that pass the filter, got none "
                     "of ",
                     file.units().size(), ": pass --all-units or a lower --least-rate"));
  }
  auto responses = responses_of(file, selected.rows, file.presentations(options.presentations),
                                {options.from_ms / 1000, options.to_ms / 1000});
  responses.name = file.identifier();
  return responses;
}

PictureResponses opened(const SessionOptions& options) {
  if (options.data.empty()) return simulated(options);
  if (fs::is_directory(options.data)) {
    const auto name = options.session.empty() ? v1_sessions(options.data).front() : options.session;
    return responses_of(read_v1_session(options.data, name, options.side));
  }
  const auto kind = options.data.extension();
  if (kind == ".npy" || kind == ".csv") {
    return read_picture_responses(options.data, options.trials, "unknown");
  }
  return from_nwb(options);
}

/// As many pictures as there are responses to. Throws Error.
void give_pictures(const SessionOptions& options, PictureResponses& responses) {
  if (responses.pictures.defined()) return;
  if (options.pictures.empty()) {
    throw UsageError(text("pictures: expected the folder or .npy file of the ",
                          responses.counts.size(0), " pictures that were shown, got none"));
  }
  responses.pictures = session_pictures(options);
  if (responses.pictures.size(0) != responses.counts.size(0)) {
    throw Error(text(options.pictures.string(), ": expected a picture for each of ",
                     responses.counts.size(0), " that ", options.data.string(),
                     " has responses to, got ", responses.pictures.size(0)));
  }
}

}  // namespace

std::string hash_of_session(const PictureResponses& responses) {
  std::uint64_t hash = 0;
  for (const auto& tensor : {responses.pictures, responses.counts, responses.group}) {
    const auto whole = tensor.contiguous();
    hash = hash_of({hash, hash_of_bytes(whole.const_data_ptr(), whole.nbytes())});
  }
  return hash_digits(hash);
}

SimulatedSession simulated_session(const SessionOptions& options) {
  SimulatedSessionOptions simulation;
  simulation.units = options.units;
  simulation.repeats = options.repeats;
  simulation.seed = static_cast<std::uint64_t>(options.session_seed);
  return {session_pictures(options), simulation};
}

at::Tensor session_pictures(const SessionOptions& options) {
  if (options.pictures.empty()) {
    PictureRequest request;
    request.kind = DatasetKind::synthetic;
    request.splits = {"train"};
    request.seed = static_cast<std::uint64_t>(options.session_seed);
    return decoded(open_pictures(request), options.count, options.side);
  }
  if (options.pictures.extension() == ".npy") {
    return squares(with_channels(read_npy(options.pictures), options.pictures), options.side);
  }
  return decoded(open_folder(options.pictures), 0, options.side);
}

PictureResponses of_areas(const PictureResponses& responses,
                          const std::vector<std::string>& areas) {
  if (areas.empty()) return responses;
  std::vector<std::int64_t> kept;
  auto some = responses;
  some.areas.clear();
  for (const auto& area : areas) {
    if (std::find(responses.areas.begin(), responses.areas.end(), area) == responses.areas.end()) {
      throw UsageError(
          text("areas: expected some of the session's, got '", area, "', which has no unit"));
    }
  }
  for (std::size_t unit = 0; unit < responses.areas.size(); ++unit) {
    if (std::find(areas.begin(), areas.end(), responses.areas[unit]) == areas.end()) continue;
    kept.push_back(static_cast<std::int64_t>(unit));
    some.areas.push_back(responses.areas[unit]);
  }
  some.counts = responses.counts.index_select(1, at::tensor(kept, at::kLong));
  return some;
}

PictureResponses open_session(const SessionOptions& options) {
  check(options);
  auto responses = opened(options);
  give_pictures(options, responses);
  responses = of_areas(responses, words_of(options.areas));
  if (options.clusters > 0) {
    responses.group = picture_clusters(responses.pictures, options.clusters,
                                       static_cast<std::uint64_t>(options.session_seed));
  }
  const auto groups = std::get<0>(at::_unique(responses.group)).size(0);
  if (groups < kFolds) {
    throw Error(text("session ", responses.name, ": expected ", kFolds,
                     " pictures or movies at least, one for each fold, got ", groups));
  }
  log::info(text("session ", responses.name, ": ", responses.counts.size(1), " units, ",
                 responses.counts.size(0), " pictures in ", groups, " groups, up to ",
                 responses.counts.size(2), " repeats"));
  return responses;
}

void add_session_options(CLI::App& command, SessionOptions& options) {
  command.add_option("--data,--data-dir,--nwb", options.data,
                     "recording: a folder of macaque V1 (responses/, stimuli/), an NWB 2 file, or "
                     "counts as .npy or .csv; none: a session is simulated");
  command.add_option("--session", options.session,
                     "of a folder: which recording; default: the first");
  command.add_option("--pictures", options.pictures,
                     "pictures that were shown: a folder, in order of their names, or uint8 .npy; "
                     "of a simulated session default: generated flowers");
  command.add_option("--trials", options.trials,
                     "of counts [trials, units]: .csv or .npy that says which picture each was");
  command.add_option("--presentations", options.presentations, "of NWB: table in /intervals")
      ->capture_default_str();
  command.add_option("--areas", options.areas,
                     "areas whose units are used, between commas; "
                     "default: all");
  command
      .add_option("--from-ms", options.from_ms, "spikes are counted from so many ms after onset")
      ->capture_default_str();
  command
      .add_option("--to-ms", options.to_ms,
                  "to so many; beyond the presentation's end they answer the next one too")
      ->capture_default_str();
  command.add_flag("--all-units", options.all_units, "of NWB: without the filters of quality");
  command.add_option("--least-rate", options.least_rate, "of NWB: least rate of a unit, Hz")
      ->capture_default_str();
  command
      .add_option(
          "--clusters", options.clusters,
          "hold out whole clusters of pictures that look alike, so many of them, instead of "
          "single pictures or movies; 0: no")
      ->capture_default_str();
  command.add_option("--units", options.units, "simulated: good units in each of six areas")
      ->capture_default_str();
  command.add_option("--repeats", options.repeats, "simulated: showings of each picture")
      ->capture_default_str();
  command.add_option("--count", options.count, "simulated: generated pictures")
      ->capture_default_str();
  command.add_option("--session-seed", options.session_seed, "simulated: of neurons and spikes")
      ->capture_default_str();
  command.add_option("--image-size", options.side, "side of pictures, pixels")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
