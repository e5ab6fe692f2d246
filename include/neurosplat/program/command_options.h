#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "neurosplat/live/stream_options.h"
#include "neurosplat/signals/signal_options.h"

/// Options that several commands have, under the same names and with the same help.
namespace neurosplat::apps {

/// --overwrite, for Outputs.
void add_overwrite_option(CLI::App& command, bool& overwrite);

/// --source, --cam, --realtime, --out (or --record), --metrics, --overwrite, --headless, --frames,
/// --device, --threads. The present values are the defaults; `metrics_help` says what is written of
/// each frame.
void add_stream_options(CLI::App& command, StreamOptions& options, const std::string& metrics_help);

/// --lsl, --signal FILE. `what` is what is sent.
void add_signal_options(CLI::App& command, SignalOptions& options, const std::string& what);

}  // namespace neurosplat::apps
