#include "neurosplat/systems/cortex/commands.h"

#include <filesystem>
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
#include "neurosplat/systems/cortex/live_cortex.h"
#include "neurosplat/systems/splat_vae/live_model.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {
namespace {

constexpr int kSmokeFrames = 3;
const std::string kMode = "saccade";

struct Request {
  std::filesystem::path model;
  bool smoke = false;
  SaccadeSettings settings;
  StreamOptions stream;
  ModelSizes sizes;
  std::int64_t refine = 0;
};

std::string summary_of(const Request& request, const LiveReport& report) {
  if (report.frames == 0) return rate_summary(report);
  const auto gain = text("PSNR prior ", fixed(report.mean(0), 1), " dB -> percept ",
                         fixed(report.mean(1), 1), " dB");
  if (request.smoke) return text("smoke: ok, ", report.frames, " frames, ", gain);
  return text(rate_summary(report), ", ", gain);
}

int run(const Request& request, const std::vector<ModelMode>& modes) {
  check(request.settings);
  check(request.stream);
  auto outputs = outputs_of(request.stream);
  outputs.reads("model", request.model, kModelFileNames);
  outputs.check();
  const auto window =
      request.smoke ? nullptr : open_window(request.stream, "neurosplat: saccade", names_of(modes));
  use_threads(request.stream.threads);
  const SaccadeCortex cortex(read_model(request.model, request.smoke, request.stream.device,
                                        request.sizes, request.refine),
                             request.settings);
  const auto source = request.smoke ? smoke_frames(kSmokeFrames, 0) : open_source(request.stream);
  const auto sink = open_sink(request.stream, *source);
  const auto& sizes = cortex.model().architecture();
  if (!request.smoke) {
    say_what_was_chosen(
        request.stream,
        text(source->description(), "; ", sizes.packets, " packets, ", sizes.image_size, "x",
             sizes.image_size, ", ", request.settings.fixations, " fixations of ",
             request.settings.steps, " steps on ", cortex.model().device().str()),
        window != nullptr);
  }
  ModeSwitch seeing(with_model(modes, cortex.model()), kMode,
                    {[&](const Frame& frame) { return see_saccades(cortex, frame); }});
  return watch(request.stream, saccade_columns(), seeing, *source, window.get(), sink.get(),
               [&](const LiveReport& report) { return summary_of(request, report); });
}

}  // namespace

ModelMode saccade_mode() {
  return {kMode, [](const std::optional<SplatVae>& model) -> ModeActions {
            const auto eye =
                std::make_shared<SaccadeCortex>(needed_model(model, kMode), SaccadeSettings{});
            return {[eye](const Frame& frame) { return see_saccades(*eye, frame); }};
          }};
}

void add_live_saccade(Program& program, const std::vector<ModelMode>& modes) {
  const auto request = std::make_shared<Request>();
  auto& command = program.add(
      "saccade", "Refine the model's packets only where the eye looks; three panels show it.",
      [request, modes] { return run(*request, modes); });
  add_model_option(command, request->model);
  auto& settings = request->settings;
  command.add_option("--fixations", settings.fixations, "places looked at in each frame")
      ->capture_default_str();
  command.add_option("--steps", settings.steps, "updates a fixation")->capture_default_str();
  command.add_option("--lr", settings.learning_rate, "step size of Adam")->capture_default_str();
  command
      .add_option("--fovea", settings.fovea,
                  "sigma of what a fixation sees, share of the frame's side")
      ->capture_default_str();
  command.add_flag("--smoke", request->smoke,
                   "three generated frames and a random model, no window, to see that everything "
                   "works");
  add_stream_options(command, request->stream, "latency, PSNR of prior and percept of every frame");
  add_size_options(command, request->sizes);
  add_refine_option(command, request->refine);
}

}  // namespace neurosplat::apps
