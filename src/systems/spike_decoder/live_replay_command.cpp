#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/live/mode_switch.h"
#include "neurosplat/live/stream_options.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/spike_decoder/commands.h"
#include "neurosplat/systems/spike_decoder/held_out_decoding.h"
#include "neurosplat/systems/spike_decoder/live_replay.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "systems/spike_decoder/session_options.h"

namespace neurosplat::apps {
namespace {

const std::string kMode = "replay";

struct Request {
  SessionOptions session;
  std::filesystem::path model;
  ReplaySettings settings;
  StreamOptions stream;
  double rate = 4;
  std::int64_t seed = 0;
  bool rescale = false;
};

/// Of each picture, decoded by a decoder that saw none of its group.
Replayed replayed(const Request& request, const PictureResponses& recorded) {
  const auto space = open_latent_space(request.model.string(), request.session.side);
  const auto responses = decoder_responses(recorded.counts);
  const auto held_out = hold_out(recorded.group, static_cast<std::uint64_t>(request.seed));
  return {recorded.pictures, responses,
          decode_latents(responses, latents_of(space, recorded.pictures), space.group, held_out,
                         {.rescale = request.rescale})};
}

std::string summary_of(const LiveReport& report) {
  if (report.rows == 0) return rate_summary(report);
  return text(rate_summary(report), ", PSNR prior ", fixed(report.mean(0), 1), " dB, percept ",
              fixed(report.mean(1), 1), " dB, locked ", fixed(report.mean(2), 1), " dB");
}

int run(Request request) {
  check(request.stream);
  if (request.seed < 0) throw UsageError("seed: expected at least 0");
  if (!(request.rate > 0 && request.rate <= 1000)) {
    throw UsageError(text("rate: expected above 0, at most 1000 pictures/s, got ", request.rate));
  }
  if (request.model.empty()) request.model = shipped_file("flowers-128.safetensors");
  auto outputs = outputs_of(request.stream, "data");
  outputs.reads("model", request.model, kModelFileNames);
  for (const auto& [name, path] : request.session.inputs()) outputs.reads(name, path);
  outputs.check();
  const auto window = open_window(request.stream, "neurosplat: replay", {kMode});
  use_threads(request.stream.threads);
  const at::NoGradGuard no_gradient;
  const auto model = load_splat_vae(request.model);
  request.session.side = model.architecture().image_size;
  const auto recorded = open_session(request.session);
  LiveReplay replay(model, replayed(request, recorded), request.settings);
  const auto source = replay_source(recorded.pictures, request.rate);
  const auto sink = open_sink(request.stream, *source);
  say_what_was_chosen(request.stream,
                      text(source->description(), ", ", recorded.counts.size(1), " units; replay"),
                      window != nullptr);
  const ModeActions actions = {[&](const Frame& frame) { return replay.see(frame); },
                               [&] { replay.reset(); }};
  ModeSwitch seeing({{kMode, [actions] { return actions; }}}, kMode, actions);
  return watch(request.stream, replay_columns(), seeing, *source, window.get(), sink.get(),
               summary_of);
}

}  // namespace

void add_live_replay(Program& program) {
  const auto request = std::make_shared<Request>();
  auto& command =
      program.add(kMode,
                  "Play a recording: what spikes say of each picture, by a decoder that never saw "
                  "its movie, is "
                  "the prior of the agreement cortex and the start of the lock; six panels.",
                  [request] { return run(*request); });
  command.add_option("--model", request->model,
                     "splat VAE whose latents are decoded: run folder or file; default: the "
                     "shipped flowers-128");
  add_session_options(command, request->session);
  command.add_flag("--rescale", request->rescale,
                   "decoded latents get the spread of the training pictures'");
  command.add_option("--budget", request->settings.budget_ms, "of the lock, ms a picture")
      ->capture_default_str();
  command.add_option("--rate", request->rate, "pictures a second, of what --out writes")
      ->capture_default_str();
  command.add_option("--seed", request->seed, "of folds")->capture_default_str();
  add_stream_options(command, request->stream,
                     "latency, PSNR of prior, percept and locked picture");
  command.remove_option(command.get_option("--source"));
  command.remove_option(command.get_option("--cam"));
}

}  // namespace neurosplat::apps
