#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "neurosplat/live/mode_switch.h"
#include "neurosplat/serving/metrics_text.h"
#include "neurosplat/serving/web_server.h"

namespace neurosplat {

/// Something that a viewer chooses, a solver say. The first value is the default.
struct PageChoice {
  std::string name;
  std::vector<std::string> values;
};

/// A way of seeing that the page offers.
struct PageMode {
  std::string name;   ///< in messages
  std::string title;  ///< on the page
  std::string help;   ///< one line
  /// The pictures side by side in what it shows, which the page may put one below the other, and
  /// the pixels between them.
  std::int64_t panels = 1, gap = 0;
  std::vector<std::string> panel_names = {};  ///< where the pictures carry no labels of their own
  std::vector<std::string> columns = {};      ///< names of SeenFrame::numbers
  std::vector<PageChoice> choices = {};
  bool lossless = false;  ///< frames come as PNG: what whitens them would show a JPEG's blocks
  /// Path of a script of the system's own (WebServer::file(), page_file()) whose default export
  /// shows the mode in place of frames over /live, as src/page/web/live_mode.js does; empty: there
  /// is none.
  std::string script = {};
  /// One for every viewer, empty where there is a script. Throws Error where it cannot be had.
  std::function<ModeActions(const std::map<std::string, std::string>& chosen)> make = {};
};

/// A file of the page as an answer, its type by the name's ending: .html, .css, .js, else SVG.
Reply page_file(std::string_view name, std::string_view bytes);

/// The page and what it talks to (docs/waveform.md, "The page"): static files at `/`, frames and
/// panels over the WebSocket `/live`.
///
/// A viewer says, in text, {"mode", "choices": {NAME: VALUE}} or {"reset": true}, and in bytes a
/// frame: its number (uint32, little endian), then a PNG, JPEG, BMP or WebP picture. It is told, in
/// text, {"type": "modes", ...} at first, {"type": "mode", ...} when a mode begins, {"type":
/// "error", "frame", "message"} for what cannot be; and in bytes, of each frame: the length of a
/// JSON text (uint32), the text {"frame", "mode", "latency_ms", "numbers", "note"}, the panels as
/// JPEG.
class LivePage {
 public:
  struct Limits {
    std::size_t most_viewers = 8;  ///< that have a mode at once
    std::uint64_t most_pixels = 16'000'000;
  };

  LivePage(std::vector<PageMode> modes, const Limits& limits);

  /// The server must not outlive this.
  void add_to(WebServer& server);
  void add_to(MetricsText& metrics) const;

 private:
  class Viewer;

  std::vector<PageMode> modes_;
  Limits limits_;
  std::atomic<std::uint64_t> frames_ = 0, errors_ = 0;
  std::atomic<std::int64_t> viewers_ = 0;
};

}  // namespace neurosplat
