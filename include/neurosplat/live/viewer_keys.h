#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace neurosplat {

/// What the viewer's keys ask for. Knows no window, so that it can be tested without one.
class ViewerKeys {
 public:
  /// `modes`: the names of the modes that 1 to 9 choose, as many as there are. Snapshots go to
  /// `folder` as neurosplat_001.png and so on, never over a file that is there.
  explicit ViewerKeys(std::vector<std::string> modes, std::filesystem::path folder = ".")
      : modes_(std::move(modes)), folder_(std::move(folder)) {}

  /// A key as OpenCV's waitKey gives it (-1: none), pressed while `picture` was shown: q or Esc
  /// quits, space pauses and goes on, s keeps the picture, 1 to 9 choose a mode, r resets, h lists
  /// the keys.
  void press(int key, const at::Tensor& picture);

  bool quit() const { return quit_; }
  bool paused() const { return paused_; }
  /// Whether a reset was asked for since the last call.
  bool take_reset();
  /// The place of the mode that was asked for since the last call.
  std::optional<std::size_t> take_mode();
  /// The keys on one line, as h prints them.
  std::string list() const;

 private:
  void keep(const at::Tensor& picture) const;

  std::vector<std::string> modes_;
  std::filesystem::path folder_;
  bool quit_ = false, paused_ = false, reset_ = false;
  std::optional<std::size_t> mode_;
};

}  // namespace neurosplat
