#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "neurosplat/page/live_page.h"
#include "neurosplat/program/program.h"
#include "neurosplat/serving/metrics_text.h"
#include "neurosplat/serving/web_server.h"

namespace neurosplat::apps {

/// What `neurosplat-live serve` is put together of.
struct Served {
  WebServer& server;
  std::vector<PageMode> modes = {};
  std::vector<std::function<void(MetricsText&)>> metrics = {};
  std::vector<std::function<void()>> endings = {};  ///< after the server has stopped
  std::vector<std::string> metrics_paths = {"/metrics"};
};

/// What a system brings: its options, and what it adds to the server. What `join` makes is held by
/// the routes that it adds.
struct ServedPart {
  std::function<void(CLI::App& command)> add_options;
  std::function<void(Served& served)> join;  ///< once, before the server listens
};

/// `neurosplat-live serve`.
void add_live_serve(Program& program, const std::vector<ServedPart>& parts);

}  // namespace neurosplat::apps
