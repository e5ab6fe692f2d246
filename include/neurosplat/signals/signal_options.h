#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "neurosplat/signals/signal_sink.h"

namespace neurosplat {

/// Where a command is told to send its signal; nowhere as it stands.
struct SignalOptions {
  bool lsl = false;
  std::filesystem::path record;  ///< .csv or .npy
};

/// The sinks that are asked for, together as one; nothing where none is. Throws as they do.
std::unique_ptr<SignalSink> open_signal(const SignalOptions& options,
                                        const SignalDescription& signal);

}  // namespace neurosplat
