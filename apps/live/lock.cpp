#include "live/lock.h"

#include <cstdio>
#include <memory>
#include <string>

#include "live/stream_options.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/model_file.h"
#include "neurosplat/models/device.h"
#include "neurosplat/perception/live_lock.h"

namespace neurosplat::apps {
namespace {

constexpr int kInterrupted = 130;

struct Request {
  std::string model;
  LockSettings settings;
  StreamOptions stream;
  ModelSizes sizes;
};

int lock(const Request& request) {
  check(request.settings);
  check(request.stream);
  const auto window = open_window(request.stream, "neurosplat: phase lock");
  use_threads(request.stream.threads);
  const auto device = device_from_name(request.stream.device);
  const auto model = load_splat_vae(request.model);
  check_sizes(request.sizes, model.architecture());
  model.to(device);
  const PhaseLock phase_lock(model, request.settings);
  const auto source = open_source(request.stream);
  std::unique_ptr<FrameSink> sink;
  if (!request.stream.out.empty()) {
    sink = open_frame_sink(request.stream.out, source->frames_per_second());
  }
  const auto& sizes = model.architecture();
  say_what_was_chosen(
      request.stream,
      text(source->description(), "; ", sizes.packets, " packets, ", sizes.image_size, "x",
           sizes.image_size, ", ", request.settings.steps, " steps of ",
           request.settings.learning_rate, " on ", model.device().str()),
      window != nullptr);

  LiveLockOptions options;
  options.frames = request.stream.frames;
  options.sink = sink.get();
  options.metrics = request.stream.metrics;
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
  command.add_option("--steps", request->settings.steps, "updates a frame")->capture_default_str();
  command
      .add_option("--lr", request->settings.learning_rate,
                  "step size of Adam; 0.05 with 10 steps is calmer")
      ->capture_default_str();
  add_stream_options(command, request->stream,
                     "latency, PSNR of prior and lock, floaters of every frame");
  add_size_options(command, request->sizes);
}

}  // namespace neurosplat::apps
