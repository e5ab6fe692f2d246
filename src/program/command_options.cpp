#include "neurosplat/program/command_options.h"

namespace neurosplat::apps {

void add_overwrite_option(CLI::App& command, bool& overwrite) {
  command.add_flag("--overwrite", overwrite, "replace files that are there already");
}

void add_stream_options(CLI::App& command, StreamOptions& options,
                        const std::string& metrics_help) {
  auto* source = command.add_option("--source", options.source,
                                    "camera:INDEX, a video, a picture or a folder of pictures");
  source->capture_default_str();
  command.add_option("--cam", options.camera, "INDEX, for --source camera:INDEX")->excludes(source);
  command.add_flag("--realtime", options.realtime,
                   "a video or folder at its own rate, frames that come too late dropped, as a "
                   "camera's are");
  command.add_option("--out,--record", options.out, "NAME.mp4 or a folder for PNG files");
  command.add_option("--metrics", options.metrics, "CSV file: " + metrics_help);
  add_overwrite_option(command, options.overwrite);
  command.add_flag("--headless", options.headless, "open no window");
  command.add_option("--frames", options.frames, "stop after that many; 0: all")
      ->capture_default_str();
  command.add_option("--device", options.device, "cpu, cuda or auto")->capture_default_str();
  command.add_option("--threads", options.threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

void add_signal_options(CLI::App& command, SignalOptions& options, const std::string& what) {
  command.add_flag("--lsl", options.lsl,
                   "offer " + what + " as a stream of the Lab Streaming Layer (needs liblsl)");
  command.add_option("--signal", options.record,
                     "write " + what + " to this .csv or .npy file, whole at the end");
}

}  // namespace neurosplat::apps
