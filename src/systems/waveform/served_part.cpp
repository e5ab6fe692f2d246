#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/waveform/commands.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "systems/waveform/waveform_services.h"

namespace neurosplat::apps {
namespace {

/// What shows it in a browser.
constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
#include "embedded/waveform_commands.inc"
};

struct Options {
  std::filesystem::path model;
  std::int64_t keep_seconds = 600;
  SignalOptions signal;
};

SignalDescription description_of(const WaveformArchitecture& sizes) {
  SignalDescription signal{"neurosplat waveform", "Waveform", {}, "int8 units of the recording"};
  for (std::int64_t i = 1; i <= sizes.electrodes; ++i) {
    signal.channels.push_back(text("electrode ", i));
  }
  return signal;
}

void join(Options options, Served& served) {
  if (options.keep_seconds < 1 || options.keep_seconds > 86400) {
    throw UsageError(text("keep-seconds: expected 1 to 86400, got ", options.keep_seconds));
  }
  if (options.model.empty()) options.model = shipped_file("waveform-flowers.safetensors");
  WaveformServices::Limits limits;
  limits.keep = std::chrono::seconds(options.keep_seconds);
  auto stored = load_waveform_autoencoder(options.model);
  Outputs outputs(/*overwrite=*/false);
  outputs.writes("signal", options.signal.record);
  outputs.check();
  const std::shared_ptr<SignalSink> signal =
      open_signal(options.signal, description_of(stored.model.architecture()));
  const auto services = std::make_shared<WaveformServices>(std::move(stored.model), limits, signal);
  for (const auto& [name, bytes] : kFiles) {
    served.server.file(text('/', name),
                       [reply = page_file(name, bytes)](const Target&) { return reply; });
  }
  served.modes.push_back(
      {.name = "thought",
       .title = "Thought to image",
       .help = "A frame becomes a simulated waveform of electrodes in V1, the waveform becomes a "
               "picture. A simulation: real spikes do not hold the picture.",
       .script = "/thought.js"});
  if (signal) served.endings.push_back([signal] { signal->close(); });
  services->add_to(served.server);
  served.metrics.push_back([services](MetricsText& metrics) { services->add_to(metrics); });
  served.metrics_paths.push_back(std::string(kOriginalRoot) + "/metrics");
}

}  // namespace

ServedPart waveform_part() {
  const auto options = std::make_shared<Options>();
  const auto add_options = [options](CLI::App& command) {
    command.add_option("--model", options->model,
                       "waveform autoencoder, run folder or .safetensors file; default: the "
                       "shipped waveform-flowers");
    command
        .add_option("--keep-seconds", options->keep_seconds,
                    "seconds that a picture which nobody watches is kept")
        ->capture_default_str();
    add_signal_options(command, options->signal, "every simulated waveform");
  };
  return {add_options, [options](Served& served) { join(*options, served); }};
}

}  // namespace neurosplat::apps
