#include "live/lock.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "live/panel_window.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/model_file.h"
#include "neurosplat/models/device.h"
#include "neurosplat/perception/live_lock.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kInterrupted = 130;

struct Request {
  std::string model;
  std::string source = "camera:0";
  std::optional<int> camera;
  LockSettings settings;
  std::string out, metrics;
  bool headless = false;
  std::int64_t frames = 0;
  std::optional<std::int64_t> image_size, packets;
  std::string device = "auto";
  int threads = 0;
};

void check(const Request& request) {
  check(request.settings);
  if (request.frames < 0) {
    throw UsageError(text("frames: expected a number >= 0 (0: all), got ", request.frames));
  }
  if (request.threads < 0) {
    throw UsageError(text("threads: expected a number >= 0 (0: all cores), got ", request.threads));
  }
  // It is written last: better to hear now that it cannot be.
  const auto folder = fs::path(request.metrics).parent_path();
  std::error_code ignored;
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    throw Error(text("expected the folder of ", request.metrics, ", there is none: make it first"));
  }
}

/// The reference needs its sizes named; here the model knows them, and a wrong one is an error.
void check_sizes(const Request& request, const SplatVaeArchitecture& model) {
  const auto agree = [](const char* name, std::optional<std::int64_t> asked, std::int64_t has) {
    if (!asked || *asked == has) return;
    throw UsageError(
        text(name, ": the model has ", has, ", ", *asked, " was asked for: leave the option away"));
  };
  agree("image-size", request.image_size, model.image_size);
  agree("num-packets", request.packets, model.packets);
}

std::string destinations(const Request& request, bool window) {
  std::string list;
  const auto add = [&](const std::string& name) { list += (list.empty() ? "" : ", ") + name; };
  if (window) add("panels in a window (q or Esc ends it)");
  if (!request.out.empty()) add("panels to " + request.out);
  if (!request.metrics.empty()) add("numbers to " + request.metrics);
  return list;
}

void say_what_was_chosen(const Request& request, const FrameSource& source, const SplatVae& model,
                         bool window) {
  const auto& sizes = model.architecture();
  log::info(text(source.description(), "; ", sizes.packets, " packets, ", sizes.image_size, "x",
                 sizes.image_size, ", ", request.settings.steps, " steps of ",
                 request.settings.learning_rate, " on ", model.device().str()));
  if (const auto list = destinations(request, window); !list.empty()) {
    log::info(list);
  } else {
    log::warn(text("nothing is shown or written", display_here() ? "" : ", there is no display",
                   ": give --out or --metrics to keep something"));
  }
}

int lock(const Request& request) {
  check(request);
  // Before LibTorch has threads: the window is tried in a copy of this process.
  const auto window = request.headless ? nullptr : PanelWindow::open("neurosplat: phase lock");
  use_threads(request.threads);
  const auto device = device_from_name(request.device);
  const auto model = load_splat_vae(request.model);
  check_sizes(request, model.architecture());
  model.to(device);
  const PhaseLock phase_lock(model, request.settings);
  const auto source =
      open_frame_source(request.camera ? text("camera:", *request.camera) : request.source);
  std::unique_ptr<FrameSink> sink;
  if (!request.out.empty()) sink = open_frame_sink(request.out, source->frames_per_second());
  say_what_was_chosen(request, *source, model, window != nullptr);

  LiveLockOptions options;
  options.frames = request.frames;
  options.sink = sink.get();
  options.metrics = request.metrics;
  if (window) options.show = [&](const at::Tensor& panels) { return window->show(panels); };
  const auto report = run_live_lock(phase_lock, *source, options);
  std::printf("%s\n", summary(report).c_str());
  std::fflush(stdout);
  if (report.interrupted) {
    log::warn("interrupted: what was locked so far is written");
    return kInterrupted;
  }
  if (window && report.frames.size() == 1) window->hold();
  return 0;
}

}  // namespace

void add_live_lock(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command =
      program.add("lock", "Let the model's packets lock onto each frame; three panels show it.",
                  [request] { return lock(*request); });
  command
      .add_option("--model,--model-path", request->model,
                  "run folder, .safetensors file or the reference's model.pt")
      ->required();
  auto* source = command.add_option("--source", request->source,
                                    "camera:INDEX, a video, a picture or a folder of pictures");
  source->capture_default_str();
  command.add_option("--cam", request->camera, "INDEX, for --source camera:INDEX")
      ->excludes(source);
  command.add_option("--steps", request->settings.steps, "updates a frame")->capture_default_str();
  command
      .add_option("--lr", request->settings.learning_rate,
                  "step size of Adam; 0.05 with 10 steps is calmer")
      ->capture_default_str();
  command.add_option("--out", request->out, "NAME.mp4 or a folder for PNG files");
  command.add_option("--metrics", request->metrics,
                     "CSV file: latency, PSNR of prior and lock, floaters of every frame");
  command.add_flag("--headless", request->headless, "open no window");
  command.add_option("--frames", request->frames, "stop after that many; 0: all")
      ->capture_default_str();
  command.add_option("--image-size", request->image_size, "must be the model's own");
  command.add_option("--num-packets", request->packets, "must be the model's own");
  command.add_option("--device", request->device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", request->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

}  // namespace neurosplat::apps
