#include "neurosplat/systems/waveform/response_data.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "neurosplat/core/content_hash.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/random_stream.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/recordings/folds.h"
#include "neurosplat/recordings/movie_frames.h"
#include "neurosplat/recordings/pvc1.h"
#include "neurosplat/recordings/response_pairs.h"
#include "neurosplat/recordings/simulated_v1.h"
#include "neurosplat/recordings/v1_session.h"
#include "neurosplat/training/picture_batches.h"

namespace neurosplat {
namespace {

std::uint64_t hash_of_tensor(const at::Tensor& tensor) {
  const auto whole = tensor.contiguous();
  return hash_of_bytes(whole.const_data_ptr(), whole.nbytes());
}

std::uint64_t hash_of_crossings(const Recording& recording) {
  std::uint64_t hash = 0;
  for (const auto& shown : recording.presentations) {
    for (const auto& electrode : shown.electrodes) {
      hash = hash_of({hash, hash_of_tensor(electrode.waveforms)});
    }
  }
  return hash;
}

/// `read`: a hash of what was read or asked for. Computed numbers stay out of it: their last
/// digits, and with them simulated spikes, may differ from one processor to the next.
void finish(ResponseData& data, std::uint64_t read) {
  if (data.train.frame.numel() == 0) throw Error("recording: no responses to train on");
  data.electrodes = data.train.waveforms.size(1);
  data.samples = data.train.waveforms.size(2);
  data.hash = hash_digits(hash_of({read, hash_of_tensor(data.pictures)}));
}

/// The test's fold, the next to validate with, the others to train.
ResponseSet& part_of(ResponseData& data, std::int64_t fold, std::int64_t test) {
  if (fold == test) return data.test;
  return fold == (test + 1) % kFolds ? data.validation : data.train;
}

at::Tensor pictures_of_split(const ResponseRequest& request,
                             const std::vector<std::string>& splits) {
  std::shared_ptr<const PictureSource> source =
      open_pictures(pictures_of(request.images, splits, static_cast<std::int64_t>(request.seed)));
  if (request.most_pictures > 0) {
    source = seeded_subset(source, request.most_pictures, request.seed);
  }
  if (source->size() == 0) return at::empty({0, 3, request.side, request.side}, at::kByte);
  auto options = loader_options(request.images, static_cast<std::int64_t>(request.seed));
  options.side = request.side;
  options.batch = 1;
  const PictureLoader loader(std::move(source), options);
  return loader.pictures(0, loader.size());
}

/// Pairs to the part that each frame belongs to; `part` says which, by frame.
void share_out(ResponseData& data, const ResponsePairs& pairs,
               const std::vector<ResponseSet*>& part_of_frame) {
  std::map<ResponseSet*, std::vector<std::int64_t>> rows;
  const auto* frame = pairs.frame.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < pairs.frame.numel(); ++i) {
    rows[part_of_frame[static_cast<std::size_t>(frame[i])]].push_back(i);
  }
  for (auto* part : {&data.train, &data.validation, &data.test}) {
    const auto chosen = at::tensor(rows[part], at::kLong);
    *part = {pairs.waveforms.index_select(0, chosen), pairs.frame.index_select(0, chosen)};
  }
}

std::string counts_of(const ResponseData& data) {
  return text(data.train.frame.numel(), " responses to train on, ", data.validation.frame.numel(),
              " to validate, ", data.test.frame.numel(), " to test");
}

/// All pictures one after the other, as a movie's frames are, `repeats` times.
ResponseData simulated(const ResponseRequest& request) {
  ResponseData data;
  std::vector<at::Tensor> pictures;
  std::vector<ResponseSet*> part_of_frame;
  const auto add = [&](ResponseSet& part, const std::vector<std::string>& splits) {
    pictures.push_back(pictures_of_split(request, splits));
    part_of_frame.insert(part_of_frame.end(), static_cast<std::size_t>(pictures.back().size(0)),
                         &part);
  };
  const auto& trained = request.images.splits;
  add(data.train, trained);
  for (const auto& [name, part] : {std::pair{"val", &data.validation}, {"test", &data.test}}) {
    if (std::ranges::find(trained, name) != trained.end()) continue;
    try {
      add(*part, {name});
    } catch (const Error& error) {  // a folder has no val
      log::info(text("no held-out pictures of ", name, ": ", error.what()));
    }
  }
  data.pictures = at::cat(pictures);
  const auto count = data.pictures.size(0);
  const SimulatedV1 v1({.electrodes = request.electrodes, .seed = request.seed});
  const auto rates = v1.rates(data.pictures);
  Recording recording{request.electrodes, {}};
  for (std::int64_t repeat = 0; repeat < request.repeats; ++repeat) {
    recording.presentations.push_back(
        v1.record(rates, kMovieRate, static_cast<std::uint64_t>(repeat)));
  }
  share_out(data, pair_responses(recording, select_spikes(recording), {{{0, 0}, {0, count}}}, {}),
            part_of_frame);
  data.description = text("simulated V1, ", request.electrodes, " electrodes, ", count,
                          " pictures, ", request.repeats, " times each: ", counts_of(data));
  finish(data, hash_of({1, static_cast<std::uint64_t>(request.electrodes),
                        static_cast<std::uint64_t>(request.repeats), request.seed,
                        static_cast<std::uint64_t>(pictures.front().size(0))}));
  return data;
}

std::filesystem::path recording_file(const ResponseRequest& request) {
  for (const auto& file : pvc1_recordings(request.images.data)) {
    if (file.stem().string().find(request.session) != std::string::npos) return file;
  }
  throw Error(text("session: expected a part of the name of a recording below ",
                   request.images.data.string(), ", got '", request.session, "'"));
}

ResponseData of_pvc1(const ResponseRequest& request) {
  const auto file = recording_file(request);
  const auto recording = read_pvc1(file);
  std::set<std::pair<std::int64_t, std::int64_t>> wanted;
  for (const auto& shown : recording.presentations) wanted.emplace(shown.movie, shown.segment);
  const auto segments = read_movie_segments(request.images.data, wanted, request.side);
  const auto count = std::ssize(segments);
  const auto folds = folds_of(count, request.seed);
  ResponseData data;
  FrameRanges ranges;
  std::vector<at::Tensor> pictures;
  std::vector<ResponseSet*> part_of_frame;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& [movie, segment, frames] = segments[i];
    ranges[{movie, segment}] = {std::ssize(part_of_frame), frames.size(0)};
    part_of_frame.insert(part_of_frame.end(), static_cast<std::size_t>(frames.size(0)),
                         &part_of(data, folds[i], request.fold));
    pictures.push_back(frames);
  }
  data.pictures = at::cat(pictures);
  const auto pairing = request.pairing == "spike" ? Pairing::kSpike : Pairing::kFrame;
  const auto pairs =
      pair_responses(recording, select_spikes(recording), ranges, {.pairing = pairing});
  share_out(data, pairs, part_of_frame);
  data.description =
      text(file.filename().string(), ", ", recording.electrodes, " electrodes, ", count,
           " segments, ", data.pictures.size(0), " frames: ", counts_of(data));
  finish(data, hash_of({2, hash_of_crossings(recording), request.seed,
                        static_cast<std::uint64_t>(request.fold)}));
  return data;
}

/// Each unit's time course over the conditions of the training movies, mean 1.
at::Tensor time_courses(const V1Session& session, const at::Tensor& trained_pictures) {
  const auto conditions = session.condition.index_select(0, trained_pictures);
  const auto course = session.psth.index_select(0, conditions).mean(0).clamp_min(0);
  const auto mean = course.mean(1, true);
  return at::where(mean > 1e-6, course / mean.clamp_min(1e-6), at::ones_like(course));
}

ResponseData of_macaque(const ResponseRequest& request) {
  const auto& root = request.images.data;
  const auto name = request.session.empty() ? v1_sessions(root).front() : request.session;
  const auto session = read_v1_session(root, name, request.side);
  const auto movies = session.movie.max().item<std::int64_t>() + 1;
  const auto folds = folds_of(movies, request.seed);
  ResponseData data;
  data.pictures = session.pictures;
  const auto* movie = session.movie.const_data_ptr<std::int64_t>();
  std::map<ResponseSet*, std::vector<std::int64_t>> members;
  for (std::int64_t i = 0; i < session.movie.numel(); ++i) {
    members[&part_of(data, folds[static_cast<std::size_t>(movie[i])], request.fold)].push_back(i);
  }
  const auto trained = at::tensor(members[&data.train], at::kLong);
  const auto courses = time_courses(session, trained);
  const auto there = session.counts.ge(0);
  const auto counts = session.counts.to(at::kFloat);
  const auto known = there.index_select(0, trained).to(at::kFloat);
  const auto mean = (counts.index_select(0, trained) * known).sum(at::IntArrayRef{0, 2}) /
                    known.sum(at::IntArrayRef{0, 2}).clamp_min(1);
  const auto filled = at::where(there, counts, mean.view({1, -1, 1}));
  const auto repeats = counts.size(2);
  for (auto& [part, pictures] : members) {
    const auto rows = at::tensor(pictures, at::kLong);
    // [P, units, repeats] to [P repeats, units, times].
    const auto each = filled.index_select(0, rows).transpose(1, 2).flatten(0, 1);
    *part = {each.unsqueeze(2) * courses, rows.repeat_interleave(repeats)};
  }
  data.description =
      text(name, " of macaque V1, ", counts.size(1), " units, ", repeats, " times each of ",
           session.movie.numel(), " pictures of ", movies, " movies: ", counts_of(data));
  finish(data, hash_of({3, hash_of_tensor(session.counts), hash_of_tensor(session.psth),
                        request.seed, static_cast<std::uint64_t>(request.fold)}));
  return data;
}

}  // namespace

std::vector<std::string> recording_names() {
  return {"simulated", "pvc1", "macaque"};
}

ResponseData open_responses(const ResponseRequest& request) {
  if (request.fold < 0 || request.fold >= kFolds) {
    throw UsageError(text("fold: expected 0 to ", kFolds - 1, ", got ", request.fold));
  }
  if (request.repeats < 1 || request.repeats > 1000) {
    throw UsageError(text("repeats: expected 1 to 1000, got ", request.repeats));
  }
  if (request.recording == "simulated") return simulated(request);
  if (request.recording == "pvc1") return of_pvc1(request);
  if (request.recording == "macaque") return of_macaque(request);
  throw UsageError(
      text("recording: expected simulated, pvc1 or macaque, got '", request.recording, "'"));
}

ResponseSet spread_over(const ResponseSet& part, std::int64_t count) {
  const auto size = part.frame.numel();
  if (count == 0 || count >= size) return part;
  const auto rows = at::floor_divide(at::arange(count, at::kLong) * size, count);
  return {part.waveforms.index_select(0, rows), part.frame.index_select(0, rows)};
}

std::pair<at::Tensor, at::Tensor> scale_of(const ResponseSet& set) {
  const auto by_electrode = set.waveforms.transpose(0, 1).flatten(1);
  at::Tensor means = at::empty({by_electrode.size(0)}), deviations = at::empty_like(means);
  for (std::int64_t i = 0; i < by_electrode.size(0); ++i) {
    const auto values = by_electrode[i].to(at::kDouble);
    means[i] = values.mean();
    deviations[i] = values.std().clamp_min(1e-3);
  }
  return {means, deviations};
}

}  // namespace neurosplat
