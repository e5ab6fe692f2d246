#include "neurosplat/systems/lock/commands.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/smoke_frames.h"
#include "neurosplat/live/stream_options.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/lock/live_lock.h"
#include "neurosplat/systems/splat_vae/live_model.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

constexpr int kSmokeFrames = 3, kSmokeStep = 6;
constexpr double kBudget = 33.0;
const std::string kMode = "lock";

struct Request {
  std::filesystem::path model;
  std::string geometry = "picture";
  std::optional<double> budget_ms;
  std::optional<std::int64_t> steps;
  bool smoke = false, no_adapt = false;
  LockSolverSettings settings;
  StreamOptions stream;
  ModelSizes sizes;
  std::int64_t refine = 0;
};

Geometry geometry_of(const std::string& name) {
  if (name == "picture") return Geometry::picture;
  if (name == "anchors") return Geometry::anchors;
  if (name == "decoder") return Geometry::decoder;
  throw UsageError(text("geometry: expected picture, anchors or decoder, got '", name, "'"));
}

LockSolverSettings settings_of(const Request& request) {
  auto settings = request.settings;
  if (settings.solver == "closed_form") settings.solver = "closed-form";
  if (request.steps) settings.steps = settings.inner_steps = *request.steps;
  settings.geometry = geometry_of(request.geometry);
  settings.adapt = !request.no_adapt;
  check(settings);
  return settings;
}

/// The reference's lock is its steps, however long they take: Adam has no budget unless told.
double budget_of(const Request& request) {
  if (!request.budget_ms) {
    return request.settings.solver == "adam" ? std::numeric_limits<double>::infinity() : kBudget;
  }
  const double budget = *request.budget_ms;
  if (std::isfinite(budget) && budget > 0.0) return budget;
  throw UsageError(text("budget: expected milliseconds above 0, got ", budget));
}

std::string what_locks(const LockSolverSettings& settings, double budget_ms) {
  auto how = settings.solver;
  if (settings.solver == "iterative") {
    how += text(", at most ", settings.inner_steps, " steps of natural gradient");
  } else if (settings.solver != "closed-form") {
    how += text(", at most ", settings.steps, " steps");
  }
  if (settings.solver == "adam") how += text(" of ", settings.learning_rate);
  return std::isfinite(budget_ms) ? text(how, ", ", budget_ms, " ms a frame") : how;
}

std::string summary_of(const Request& request, const LiveReport& report) {
  return (request.smoke ? "smoke: ok, " : "") + lock_summary(report);
}

int run(const Request& request, const std::vector<ModelMode>& modes) {
  const auto settings = settings_of(request);
  const double budget = budget_of(request);
  check(request.stream);
  auto outputs = outputs_of(request.stream);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.check();
  const auto window = request.smoke
                          ? nullptr
                          : open_window(request.stream, "neurosplat: phase lock", names_of(modes));
  use_threads(request.stream.threads);
  const auto model = read_model(request.model, request.smoke, request.stream.device, request.sizes,
                                request.refine);
  LiveLock eye(model, settings, budget);
  const auto source =
      request.smoke ? smoke_frames(kSmokeFrames, kSmokeStep) : open_source(request.stream);
  const auto sink = open_sink(request.stream, *source);
  const auto& sizes = model.architecture();
  if (!request.smoke) {
    say_what_was_chosen(
        request.stream,
        text(source->description(), "; ", sizes.packets, " packets, ", sizes.image_size, "x",
             sizes.image_size, ", ", what_locks(settings, budget), " on ", model.device().str()),
        window != nullptr);
  }
  ModeSwitch seeing(with_model(modes, model), kMode,
                    {[&](const Frame& frame) { return eye.see(frame); }, [&] { eye.reset(); }});
  return watch(request.stream, lock_columns(), seeing, *source, window.get(), sink.get(),
               [&](const LiveReport& report) { return summary_of(request, report); });
}

void add_solver_options(CLI::App& command, Request& request) {
  auto& settings = request.settings;
  command.add_option("--solver", settings.solver, "closed-form, adam, latent or iterative")
      ->capture_default_str();
  command.add_option("--budget", request.budget_ms,
                     "milliseconds for a frame, panels included; default: 33, for adam none");
  command
      .add_option("--steps", request.steps,
                  "most updates a frame, adam and latent; iterative: 1 unless given")
      ->default_str("5");
  command
      .add_option("--lr", settings.learning_rate, "step size of adam; 0.05 with 10 steps is calmer")
      ->capture_default_str();
  command
      .add_option("--geometry", request.geometry,
                  "closed-form: where packets stand at first, by the picture, anchors or decoder")
      ->capture_default_str();
  command
      .add_option("--ridge", settings.ridge, "closed-form: inhibition between overlapping packets")
      ->capture_default_str();
  command
      .add_option("--threshold", settings.threshold,
                  "closed-form: amplitudes lose that much, weak packets fall silent; 0: none")
      ->capture_default_str();
  command
      .add_option("--narrowest", settings.narrowest,
                  "closed-form: least width of a packet, in units of the frame's side; less draws "
                  "finer detail with small, loud packets")
      ->capture_default_str();
  command
      .add_option("--observation-noise", settings.observation_noise,
                  "iterative: standard deviation of a frame's colours about the drawn picture's; "
                  "less of it trusts the frame more")
      ->capture_default_str();
  command
      .add_option("--samples", settings.samples,
                  "iterative: samples of the posterior in a step; 0: its mean")
      ->capture_default_str();
  command
      .add_option("--drift", settings.drift,
                  "iterative: how far a latent number may wander from frame to frame")
      ->capture_default_str();
  command.add_option("--noise-seed", settings.noise_seed, "iterative: seed of the samples")
      ->capture_default_str();
  command.add_flag("--no-adapt", request.no_adapt,
                   "closed-form: leave the packets where they stand");
}

}  // namespace

ModelMode lock_mode() {
  return {kMode, [](const std::optional<SplatVae>& model) {
            return actions_of(std::make_shared<LiveLock>(needed_model(model, kMode),
                                                         LockSolverSettings{}, kBudget));
          }};
}

void add_live_lock(Program& program, const std::vector<ModelMode>& modes) {
  const auto request = std::make_shared<Request>();
  auto& command =
      program.add("lock", "Let the model's packets lock onto each frame; three panels show it.",
                  [request, modes] { return run(*request, modes); });
  add_model_option(command, request->model);
  add_solver_options(command, *request);
  command.add_flag("--smoke", request->smoke,
                   "three generated frames and a random model, no window, to see that everything "
                   "works");
  add_stream_options(command, request->stream,
                     "latency, PSNR of prior and lock, floaters, steps, drops of every frame");
  add_size_options(command, request->sizes);
  add_refine_option(command, request->refine);
}

}  // namespace neurosplat::apps
