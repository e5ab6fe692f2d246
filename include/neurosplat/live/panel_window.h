#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/live/viewer_keys.h"
#include "neurosplat/live/window_process.h"

namespace neurosplat {

/// A window that shows pictures and listens to the viewer's keys.
class PanelWindow {
 public:
  /// Nothing, with a warning, when there is a display but no window opens; nothing without a word
  /// when there is no display. `modes`: see ViewerKeys.
  static std::unique_ptr<PanelWindow> open(const std::string& title,
                                           const std::vector<std::string>& modes);

  /// picture: float [3, H, W] in [0, 1]. Returns after a pause, where the viewer asks for one;
  /// false when the viewer pressed `q` or Esc or closed the window. Once the display is gone, which
  /// is said once, it does nothing.
  bool show(const at::Tensor& picture);
  /// Whether the display has gone.
  bool gone() const { return !process_; }
  /// Whether the viewer asked to reset since the last call.
  bool take_reset() { return keys_.take_reset(); }
  /// The place of the mode that the viewer asked for since the last call.
  std::optional<std::size_t> take_mode() { return keys_.take_mode(); }
  /// Leaves the last picture up until the viewer is done with it.
  void hold();

 private:
  PanelWindow(WindowProcess process, std::vector<std::string> modes)
      : process_(std::move(process)), keys_(std::move(modes)) {}
  void listen(const std::optional<WindowReply>& reply);
  void wait();

  std::optional<WindowProcess> process_;
  ViewerKeys keys_;
  at::Tensor shown_;
  bool wanted_ = true;
};

/// Whether the environment names a display.
bool display_here();

}  // namespace neurosplat
