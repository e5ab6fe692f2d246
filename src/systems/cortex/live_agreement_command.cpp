#include "neurosplat/systems/cortex/commands.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/named_pictures.h"
#include "neurosplat/live/smoke_frames.h"
#include "neurosplat/live/stream_options.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/cortex/live_cortex.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/live_model.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kSmokeFrames = 3, kSmokeStep = 6;
const std::string kAgreement = "agreement", kTemporal = "temporal";
const std::string kStill = "live_agreement_still.png", kSeries = "temporal_###.png";

/// Both modes: agreement looks at a frame with its own gist, temporal with the frame before.
struct Request {
  bool temporal = false;
  std::string model, koopman, image, image_sequence;
  bool sample = false, smoke = false;
  std::int64_t seed = 0;
  CortexSettings settings;
  StreamOptions stream;
  ModelSizes sizes;
  std::int64_t refine = 0;
};

const std::string& mode_of(const Request& request) {
  return request.temporal ? kTemporal : kAgreement;
}

/// What `temporal` changes of the cortex.
CortexSettings temporal_cortex() {
  CortexSettings settings;
  settings.decay = 0.6;
  settings.gated = false;
  settings.inhibition_fade = 0.9;
  return settings;
}

ModeActions cortex_of(const CortexSettings& settings, Expectation expectation, const char* word,
                      const char* label) {
  return actions_of(std::make_shared<LiveAgreement>(settings, std::move(expectation), word, label));
}

void check(const Request& request) {
  check(request.settings);
  check(request.stream);
  if (request.seed < 0) throw UsageError("seed: expected 0 or more");
  if (request.model.empty() && (request.sample || !request.koopman.empty())) {
    throw UsageError("--sample and --koopman need --model");
  }
  if (request.refine > 0 && (request.model.empty() || request.sample)) {
    throw UsageError("--refine needs --model, and refines no --sample");
  }
}

std::optional<SplatVae> model_of(const Request& request) {
  if (request.model.empty()) return std::nullopt;
  return read_model(request.model, /*smoke=*/false, request.stream.device, request.sizes,
                    request.refine);
}

Expectation expectation_of(const Request& request, const std::optional<SplatVae>& model) {
  if (!model) return request.temporal ? of_the_frame_before() : blurred_gist();
  ModelGistOptions options{request.sample, static_cast<std::uint64_t>(request.seed), {}};
  if (!request.koopman.empty()) options.koopman = load_koopman(request.koopman);
  auto gist = model_gist(*model, options);
  return request.temporal ? of_the_frame_before(std::move(gist)) : gist;
}

std::string label_of(const Request& request) {
  if (!request.temporal) return request.model.empty() ? "gist (theta)" : "gist (theta), model";
  if (request.model.empty()) return "prior: the frame before";
  return request.koopman.empty() ? "prior: the frame before, model" : "prior: K, then the model";
}

/// What the reference writes without being told: one still, ...
bool writes_still(const Request& request) {
  return !request.image.empty() && request.stream.out.empty();
}

/// ... or a numbered series, into this folder; an empty path where neither.
fs::path series_folder(const Request& request) {
  const auto& out = request.stream.out;
  if (request.image_sequence.empty() || (!out.empty() && is_video_sink(out))) return {};
  return out.empty() ? "." : out;
}

std::unique_ptr<FrameSink> sink_of(const Request& request, std::string& written) {
  if (writes_still(request)) {
    written = kStill;
    return named_pictures([](std::int64_t) { return fs::path(kStill); });
  }
  const auto folder = series_folder(request);
  if (folder.empty()) return nullptr;
  if (request.stream.overwrite) remove_series(folder, kSeries);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(text(folder.string(), ": cannot make it: ", failure.message()));
  written = (folder / kSeries).string();
  return named_pictures([folder](std::int64_t number) {
    char name[40];
    std::snprintf(name, sizeof name, "temporal_%03lld.png", static_cast<long long>(number));
    return folder / name;
  });
}

std::string summary_of(const Request& request, const LiveReport& report,
                       const std::vector<Fixation>& fixations) {
  if (report.frames == 0) return rate_summary(report);
  if (!request.smoke) {
    return text(rate_summary(report), ", PSNR expected ", fixed(report.mean(0), 1),
                " dB -> percept ", fixed(report.mean(1), 1), " dB, mean surprise ",
                fixed(report.mean(2), 3));
  }
  std::string places;
  for (const auto& [row, column] : fixations) places += text(" (", row, ", ", column, ")");
  return text("smoke: ok, percept ", kCortexSize, "x", kCortexSize, ", fixations (row, column)",
              places);
}

/// The option that names the source.
std::string source_option(const Request& request) {
  if (!request.image.empty()) return "image";
  return request.image_sequence.empty() ? "source" : "image-seq";
}

/// With --image or --image-seq as the source.
StreamOptions stream_of(const Request& request) {
  auto stream = request.stream;
  if (source_option(request) == "source") return stream;
  stream.source = request.image.empty() ? request.image_sequence : request.image;
  stream.camera.reset();
  return stream;
}

std::unique_ptr<FrameSource> source_of(const Request& request) {
  if (request.smoke) return smoke_frames(kSmokeFrames, request.temporal ? kSmokeStep : 0);
  return open_source(stream_of(request));
}

void check_outputs(const Request& request) {
  auto stream = stream_of(request);
  const auto folder = series_folder(request);
  if (!folder.empty()) stream.out.clear();
  auto outputs = outputs_of(stream, source_option(request));
  if (writes_still(request)) outputs.writes("out", kStill);
  if (!folder.empty()) outputs.writes("out", folder, {kSeries});
  outputs.reads("model", request.model, kModelFileNames);
  outputs.reads("koopman", request.koopman, kKoopmanFileNames);
  outputs.check();
}

int run(const Request& request, const std::vector<ModelMode>& modes) {
  check(request);
  check_outputs(request);
  const auto window = request.smoke ? nullptr
                                    : open_window(request.stream, "neurosplat: " + mode_of(request),
                                                  names_of(modes));
  use_threads(request.stream.threads);
  const auto model = model_of(request);
  LiveAgreement cortex(request.settings, expectation_of(request, model),
                       request.temporal ? "prior" : "gist", label_of(request));
  const auto source = source_of(request);
  std::string written;
  auto sink = sink_of(request, written);
  if (!sink) sink = open_sink(request.stream, *source);
  if (!request.smoke) {
    say_what_was_chosen(request.stream,
                        text(source->description(), "; ", mode_of(request), ", ",
                             request.settings.fixations, " fixations a frame"),
                        window != nullptr, written);
  }
  ModeSwitch seeing(
      with_model(modes, model), mode_of(request),
      {[&](const Frame& frame) { return cortex.see(frame); }, [&] { cortex.reset(); }});
  return watch(
      request.stream, agreement_columns(), seeing, *source, window.get(), sink.get(),
      [&](const LiveReport& report) { return summary_of(request, report, cortex.fixations()); });
}

void add_options(CLI::App& command, Request& request) {
  command.add_option("--model,--model-path", request.model,
                     "let a splat VAE expect: run folder, .safetensors or model.pt; default: none");
  command.add_flag("--sample", request.sample,
                   "decode a sample of the posterior, which flickers, as the reference does; "
                   "default: its mean");
  command.add_option("--seed", request.seed, "of the samples")->capture_default_str();
  command.add_option("--fixations", request.settings.fixations, "places looked at in each frame")
      ->capture_default_str();
  command.add_option("--decay", request.settings.decay, "of the agreement, each fixation, 0 to 1")
      ->capture_default_str();
  command
      .add_option("--fovea", request.settings.fovea, "sigma of what a fixation sees, pixels of 256")
      ->capture_default_str();
  command.add_flag("--smoke", request.smoke,
                   "three generated frames, no window, to see that everything works");
  add_stream_options(command, request.stream,
                     "latency, PSNR of expectation and percept, mean surprise of every frame");
  add_size_options(command, request.sizes);
  add_refine_option(command, request.refine);
}

}  // namespace

ModelMode agreement_mode() {
  return {kAgreement, [](const std::optional<SplatVae>& model) {
            return model ? cortex_of({}, model_gist(*model), "gist", "gist (theta), model")
                         : cortex_of({}, blurred_gist(), "gist", "gist (theta)");
          }};
}

ModelMode temporal_mode() {
  return {kTemporal, [](const std::optional<SplatVae>& model) {
            return cortex_of(
                temporal_cortex(), of_the_frame_before(model ? model_gist(*model) : Expectation()),
                "prior", model ? "prior: the frame before, model" : "prior: the frame before");
          }};
}

void add_live_agreement(Program& program, const std::vector<ModelMode>& modes) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add(
      "agreement", "Correct each frame's gist where the eye looks and phases agree; four panels.",
      [request, modes] { return run(*request, modes); });
  add_options(command, *request);
  command
      .add_option("--image", request->image,
                  "one picture; its panels go to " + kStill + " unless --out is given")
      ->excludes(command.get_option("--source"))
      ->excludes(command.get_option("--cam"));
}

void add_live_temporal(Program& program, const std::vector<ModelMode>& modes) {
  const auto request = std::make_shared<Request>();
  request->temporal = true;
  request->settings = temporal_cortex();
  auto& command = program.add(
      "temporal", "Expect the frame before, or what a model foresees, and look where it is wrong.",
      [request, modes] { return run(*request, modes); });
  add_options(command, *request);
  command.add_option("--koopman", request->koopman,
                     "operator for the latent: run folder, .safetensors or koopman.pt; with "
                     "--model");
  command
      .add_option("--image-seq", request->image_sequence,
                  "folder of pictures; panels go to temporal_###.png, here or in --out")
      ->excludes(command.get_option("--source"))
      ->excludes(command.get_option("--cam"));
}

}  // namespace neurosplat::apps
