#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>

#include "neurosplat/live/mode.h"

namespace neurosplat::apps {

/// What the viewer's keys ask for. Knows no window, so that it can be tested without one.
class ViewerKeys {
 public:
  /// Snapshots go to `folder` as neurosplat_001.png and so on, never over a file that is there.
  explicit ViewerKeys(std::filesystem::path folder = ".") : folder_(std::move(folder)) {}

  /// A key as OpenCV's waitKey gives it (-1: none), pressed while `picture` was shown: q or Esc
  /// quits, space pauses and goes on, s keeps the picture, 1 to 4 choose a mode, r resets, h lists
  /// the keys.
  void press(int key, const at::Tensor& picture);

  bool quit() const { return quit_; }
  bool paused() const { return paused_; }
  /// Whether a reset was asked for since the last call.
  bool take_reset();
  /// The mode that was asked for since the last call.
  std::optional<Mode> take_mode();

 private:
  void keep(const at::Tensor& picture) const;

  std::filesystem::path folder_;
  bool quit_ = false, paused_ = false, reset_ = false;
  std::optional<Mode> mode_;
};

/// The keys on one line, as h prints them.
extern const char* const kViewerKeys;

}  // namespace neurosplat::apps
