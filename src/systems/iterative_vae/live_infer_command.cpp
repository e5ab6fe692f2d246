#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/text.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/smoke_frames.h"
#include "neurosplat/live/stream_options.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/live_inference.h"
#include "systems/iterative_vae/command_model.h"

namespace neurosplat::apps {
namespace {

constexpr int kSmokeFrames = 3, kSmokeStep = 6;
const std::string kMode = "infer";

struct Request {
  std::filesystem::path model;
  LiveInferenceSettings settings;
  std::int64_t seed = 0;
  bool smoke = false;
  SignalOptions signal;
  StreamOptions stream;
};

/// The model, and how the pictures that it learned from were whitened.
IterativeVae model_of(const Request& request, LiveInferenceSettings& settings) {
  constexpr std::int64_t kSmokeLatents = 64;
  if (request.smoke) return IterativeVae({.latents = kSmokeLatents});
  const auto device = device_from_name(request.stream.device);
  auto stored = read_iterative_vae(request.model);
  const auto filter = stored.metadata.find("mirrored_filter");
  settings.mirrored = filter != stored.metadata.end() && filter->second == "true";
  check(settings, stored.model);
  stored.model.to(device);
  return stored.model;
}

void send_spikes(SignalSink& signal, const LiveInference& eye) {
  const auto spikes = eye.spikes();
  signal.push(spikes, at::full({spikes.size(0)}, signal_clock(), at::kDouble));
}

std::string summary_of(const Request& request, const LiveReport& report) {
  auto summary = (request.smoke ? "smoke: ok, " : "") + rate_summary(report);
  if (report.rows == 0) return summary;
  return text(summary, ", R2 ", fixed(report.mean(0), 3), ", zeros ", fixed(report.mean(1), 3),
              ", rate ", fixed(report.mean(2), 3));
}

int run(const Request& request) {
  check(request.stream);
  auto settings = request.settings;
  settings.seed = checked_seed(request.seed);
  auto outputs = outputs_of(request.stream);
  outputs.reads("model", request.model, kIterativeVaeFileNames);
  outputs.writes("signal", request.signal.record);
  outputs.check();
  const auto window =
      request.smoke ? nullptr : open_window(request.stream, "neurosplat: infer", {kMode});
  use_threads(request.stream.threads);
  const auto model = model_of(request, settings);
  LiveInference eye(model, settings);
  const auto source =
      request.smoke ? smoke_frames(kSmokeFrames, kSmokeStep) : open_source(request.stream);
  const auto sink = open_sink(request.stream, *source);
  if (!request.smoke) {
    const auto& sizes = model.architecture();
    say_what_was_chosen(request.stream,
                        text(source->description(), "; ", sizes.latents, " ", sizes.model,
                             " latents a patch, ", settings.size, "x", settings.size, ", ",
                             settings.steps, settings.steps == 1 ? " step" : " steps", " a frame",
                             settings.guard ? ", guarded" : ""),
                        window != nullptr);
  }
  const auto signal = open_signal(request.signal, LiveInference::signal());
  const ModeActions actions = {[&](const Frame& frame) {
                                 auto seen = eye.see(frame);
                                 if (signal) send_spikes(*signal, eye);
                                 return seen;
                               },
                               [&] { eye.reset(); }};
  ModeSwitch seeing({{kMode, [actions] { return actions; }}}, kMode, actions);
  const auto see_all = [&] {
    return watch(request.stream, inference_columns(), seeing, *source, window.get(), sink.get(),
                 [&](const LiveReport& report) { return summary_of(request, report); });
  };
  if (!signal) return see_all();
  try {
    const int code = see_all();
    signal->close();
    return code;
  } catch (...) {
    signal->close();  // what came until then is kept, as the panels are
    throw;
  }
}

}  // namespace

void add_live_infer(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add(
      "infer", "Infer each frame's patches with spikes that carry over; four panels show it.",
      [request] { return run(*request); });
  add_iterative_vae_option(command, request->model);
  auto& settings = request->settings;
  command
      .add_option("--size", settings.size,
                  "pixels of a side, a multiple of the side of the model's patches")
      ->capture_default_str();
  command.add_option("--steps", settings.steps, "of inference a frame")->capture_default_str();
  command.add_flag("--guard", settings.guard,
                   "take a step only where it lowers the free energy of its patch");
  command.add_option("--seed", request->seed, "of spikes and of the neurons shown")
      ->capture_default_str();
  command.add_flag("--smoke", request->smoke,
                   "three generated frames and a random model, no window, to see that everything "
                   "works");
  add_signal_options(command, request->signal, "every spike (patch, neuron, activity)");
  add_stream_options(command, request->stream,
                     "latency, R2, share of zeros, mean rate of every frame");
}

}  // namespace neurosplat::apps
