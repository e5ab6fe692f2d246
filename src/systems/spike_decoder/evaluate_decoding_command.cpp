#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/evaluation/feature_spaces.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/figure/picture_grid.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/recordings/v1_session.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "systems/spike_decoder/decoding_rows.h"
#include "systems/spike_decoder/refined_rows.h"
#include "systems/spike_decoder/session_options.h"
#include "systems/spike_decoder/shipped_spaces.h"

namespace neurosplat::apps {
namespace {

using Json = nlohmann::ordered_json;

const std::string kFigure = "decoded";
constexpr std::int64_t kShown = 12;

struct Options {
  ExperimentOptions common;
  SessionOptions session;
  std::string latents, features = "auto", strengths = "0.75";
  std::string flow;
  double guidance = 1;
  std::int64_t seed = 0, shuffles = 1000;
};

/// Of a patch flow or a script.
std::string file_of(const std::string& flow) {
  constexpr std::string_view kScript = "script:";
  return flow.starts_with(kScript) ? flow.substr(kScript.size()) : flow;
}

void check(const Options& options) {
  if (options.seed < 0) throw UsageError("seed: expected at least 0");
  if (options.shuffles < 19 || options.shuffles > 1000000) {
    throw UsageError(text("shuffles: expected 19 to 1000000, got ", options.shuffles));
  }
  if (options.features != "auto" && options.features != "lite0" && options.features != "none") {
    throw UsageError(text("features: expected auto, lite0 or none, got '", options.features, "'"));
  }
  if (!(options.guidance >= 0 && options.guidance <= 100)) {
    throw UsageError(text("guidance: expected 0 to 100, got ", options.guidance));
  }
  auto inputs = options.session.inputs();
  inputs.emplace_back("flow", file_of(options.flow));
  for (auto& input : latent_inputs(options.latents)) inputs.push_back(std::move(input));
  check_outputs(options.common, kFigure, inputs);
}

std::vector<double> strengths_of(const Options& options) {
  std::vector<double> strengths;
  for (const auto& word : words_of(options.strengths)) {
    std::istringstream in(word);
    double strength = 0;
    if (!(in >> strength) || !in.eof() || !(strength > 0 && strength <= 1)) {
      throw UsageError(text("strengths: expected numbers above 0, at most 1, got '", word, "'"));
    }
    strengths.push_back(strength);
  }
  if (strengths.empty()) throw UsageError("strengths: expected one at least, got none");
  return strengths;
}

/// Lite0's features, where they are wanted and there.
PictureFeatures features_of(const Options& options) {
  if (options.features == "none") return {};
  try {
    return lite0_space(at::kCPU).features;
  } catch (const Error& error) {
    if (options.features == "lite0") throw;
    log::warn(text("left out two_way_lite0: ", error.what()));
    return {};
  }
}

/// Everything that stays the same from session to session.
class Evaluation {
 public:
  explicit Evaluation(const Options& options)
      : options_(options),
        features_(features_of(options)),
        spaces_(latent_spaces(options.latents, options.session.side)) {
    if (options.flow.empty()) return;
    if (!spaces_.front().decode) {
      throw UsageError(
          text("flow: expected first latents that draw a picture, got ", spaces_.front().name));
    }
    stage_ = open_second_stage(options.flow);
    stage_->strengths = strengths_of(options);
    stage_->guidance = options.guidance;
  }

  const std::vector<LatentSpace>& spaces() const { return spaces_; }

  /// The table of one session; `figure`, where it is given, gets its pictures.
  Json rows_of(const PictureResponses& recorded, at::Tensor* figure) {
    const auto session =
        session_of(recorded, static_cast<std::uint64_t>(options_.seed), options_.shuffles);
    encode(recorded.pictures);
    std::vector<SpaceLatents> spaces;
    for (std::size_t i = 0; i < spaces_.size(); ++i) spaces.push_back({spaces_[i], latents_[i]});
    auto decoded = held_out_rows(session, spaces);
    if (stage_) add_refined(session, decoded);
    auto target = target_of(session);
    auto rows = scored(decoded, target);
    // The others choose among all pictures and know the mean of all.
    target.shuffles = options_.shuffles;
    target.fold = at::zeros_like(target.fold);
    target.means = session.pictures.mean(0, /*keepdim=*/true).expand_as(session.pictures);
    auto same = same_picture_rows(session, spaces.front());
    for (auto& row : scored(same, target)) rows.push_back(std::move(row));
    decoded.insert(decoded.end(), same.begin(), same.end());
    if (figure != nullptr) *figure = sheet(decoded, session.pictures);
    return rows;
  }

 private:
  void add_refined(const DecodedSession& session, std::vector<DecodedPictures>& decoded) const {
    const auto main = std::find_if(decoded.begin(), decoded.end(), [&](const auto& row) {
      return row.name == spaces_.front().name;
    });
    for (auto& row : refined_rows(session, *main, *stage_)) decoded.push_back(std::move(row));
  }

  /// Sessions of one data set share their pictures.
  void encode(const at::Tensor& pictures) {
    if (encoded_.defined() && encoded_.equal(pictures)) return;
    encoded_ = pictures;
    latents_.clear();
    for (const auto& space : spaces_) latents_.push_back(latents_of(space, pictures));
    feature_rows_ = features_ ? features_(pictures.to(at::kFloat).div(255)) : at::Tensor();
  }

  DecodingTarget target_of(const DecodedSession& session) const {
    return {.pictures = session.pictures,
            .means = training_means(session.pictures, session.held_out),
            .group = session.held_out.group,
            .fold = session.held_out.fold,
            .scene = session.recorded.scene,
            .seed = static_cast<std::uint64_t>(options_.seed),
            .features = features_,
            .feature_rows = feature_rows_};
  }

  static Json scored(const std::vector<DecodedPictures>& decoded, const DecodingTarget& target) {
    auto rows = Json::array();
    ProgressLine progress("measuring", "rows", std::ssize(decoded));
    for (const auto& each : decoded) {
      rows.push_back(score_decoded(each, target));
      progress.update(std::ssize(rows));
    }
    return rows;
  }

  static at::Tensor sheet(const std::vector<DecodedPictures>& decoded, const at::Tensor& shown) {
    const auto few = std::min(kShown, shown.size(0));
    const auto some = at::arange(few, at::kLong) * (shown.size(0) / few);
    const auto line = [&](const at::Tensor& pictures, const std::string& name) {
      return std::vector{with_label(picture_grid(pictures.index_select(0, some), few), name)};
    };
    std::vector<std::vector<at::Tensor>> lines = {line(shown, "shown")};
    for (const auto& row : decoded) {
      if (row.pictures.defined()) lines.push_back(line(row.pictures, row.name));
    }
    return sheet_of(lines);
  }

  const Options& options_;
  PictureFeatures features_;
  std::vector<LatentSpace> spaces_;
  std::optional<SecondStage> stage_;
  at::Tensor encoded_, feature_rows_;
  std::vector<at::Tensor> latents_;
};

struct Column {
  const char *key, *title;
};
constexpr Column kColumns[] = {{"ssim_mean", "SSIM"},           {"two_way_pixels", "two-way"},
                               {"two_way_deviation", "beyond"}, {"two_way_latents", "latents"},
                               {"two_way_lite0", "lite0"},      {"identification_top1", "top 1"},
                               {"frame_top1", "frame"},         {"permutation_p", "p"}};

void print(const std::string& session, const Json& rows) {
  std::printf("session %s\n%-28s %7s %15s", session.c_str(), "row", "PixCorr", "95 %");
  for (const auto& column : kColumns) std::printf(" %7s", column.title);
  for (const auto& row : rows) {
    const auto number = [&](const char* key) {
      return row.contains(key) ? fixed(row.at(key).get<double>(), 3) : std::string("-");
    };
    std::printf("\n%-28s %7s %15s", row.at("row").get<std::string>().c_str(),
                number("pixcorr_mean").c_str(),
                (number("pixcorr_mean_low") + " to " + number("pixcorr_mean_high")).c_str());
    for (const auto& column : kColumns) std::printf(" %7s", number(column.key).c_str());
  }
  std::printf("\nchance of top 1 %s", fixed(rows[0].at("chance").get<double>(), 4).c_str());
  if (rows[1].contains("frame_chance")) {
    std::printf(", of a movie's frame %s",
                fixed(rows[1].at("frame_chance").get<double>(), 4).c_str());
  }
  std::printf("\n");
}

std::vector<std::string> sessions_of(const SessionOptions& options) {
  return options.session == "all" ? v1_sessions(options.data)
                                  : std::vector<std::string>{options.session};
}

int evaluate(const Options& options) {
  check(options);
  use_threads(options.common.threads);
  const at::NoGradGuard no_gradient;
  Evaluation evaluation(options);
  const auto& main = evaluation.spaces().front().name;
  MetricsFile file{.experiment = "spike-decoding"};
  file.results["rows"] = Json::array();
  at::Tensor figure;
  std::size_t sessions = 0, units = 0;
  std::string last;
  for (const auto& name : sessions_of(options.session)) {
    auto one = options.session;
    one.session = name;
    const auto recorded = open_session(one);
    const auto rows = evaluation.rows_of(recorded, figure.defined() ? nullptr : &figure);
    print(recorded.name, rows);
    for (const auto& row : rows) {
      if (sessions == 0 && row.at("row") == main) {
        for (const auto& [key, value] : row.items()) {
          if (key != "row") file.results[key] = value;
        }
      }
      Json with_session = {{"session", recorded.name}};
      with_session.update(row);
      file.results["rows"].push_back(std::move(with_session));
    }
    ++sessions;
    units += recorded.areas.size();
    last = recorded.name;
  }
  std::vector<std::string> names;
  for (const auto& space : evaluation.spaces()) names.push_back(space.name);
  file.settings = {
      {"data",
       options.session.data.empty() ? "simulated" : options.session.data.filename().string()},
      {"session", sessions == 1 ? last : "all"},
      {"sessions", sessions},
      {"units", units},
      {"latents", names},
      {"results_are_of", main},
      {"image_size_px", options.session.side},
      {"window_from_ms", options.session.from_ms},
      {"window_to_ms", options.session.to_ms},
      {"shuffles", options.shuffles},
      {"seed", options.seed}};
  write_experiment(options.common, file, kFigure, figure);
  return 0;
}

}  // namespace

void add_evaluate_spike_decoding(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command =
      program.add("spike-decoding",
                  "Pictures decoded from spikes by ridge regression on latents, of movies or "
                  "pictures never seen, beside the mean picture, shuffled and noise spikes, the "
                  "encoder turned round, each space's ceiling and the published protocol.",
                  [options] { return evaluate(*options); });
  add_experiment_options(command, options->common, "spike-decoding");
  add_session_options(command, options->session);
  add_latents_option(command, options->latents);
  command
      .add_option("--features", options->features,
                  "two-way identification in EfficientNet-Lite0's features too: auto (where "
                  "scripts/setup.sh --features has put it), lite0 or none")
      ->capture_default_str();
  command.add_option(
      "--flow", options->flow,
      "patch flow that draws what was decoded anew, run folder or file, whose conditions "
      "are decoded from the spikes too; or script:FILE; default: none");
  command
      .add_option("--strengths", options->strengths,
                  "shares of the flow's way that are done anew, between commas")
      ->capture_default_str();
  command
      .add_option("--guidance", options->guidance,
                  "how much the flow's conditions count; 1: as trained")
      ->capture_default_str();
  command.add_option("--shuffles", options->shuffles, "of whole movies or pictures, for p")
      ->capture_default_str();
  command.add_option("--seed", options->seed, "of folds, shuffles, noise and intervals")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
