#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "live/viewer_keys.h"

namespace neurosplat::apps {

/// A window that shows pictures and listens to the viewer's keys.
class PanelWindow {
 public:
  /// Nothing, with a warning, when there is a display but no window opens; nothing without a word
  /// when there is no display.
  static std::unique_ptr<PanelWindow> open(const std::string& title);
  ~PanelWindow();
  PanelWindow(const PanelWindow&) = delete;
  PanelWindow& operator=(const PanelWindow&) = delete;

  /// picture: float [3, H, W] in [0, 1]. Returns after a pause, where the viewer asks for one;
  /// false when the viewer pressed `q` or Esc or closed the window.
  bool show(const at::Tensor& picture);
  /// Whether the viewer asked to reset since the last call.
  bool take_reset() { return keys_.take_reset(); }
  /// Leaves the last picture up until the viewer is done with it.
  void hold();

 private:
  explicit PanelWindow(std::string title);
  bool wanted(int wait_ms);

  std::string title_;
  ViewerKeys keys_;
  at::Tensor shown_;
  bool wanted_ = true;
};

/// Whether the environment names a display.
bool display_here();

}  // namespace neurosplat::apps
