#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/live/live_loop.h"

namespace neurosplat {

/// What a way of seeing makes of a frame, and how it forgets what it remembers.
struct ModeActions {
  std::function<SeenFrame(const Frame&)> see;
  std::function<void()> reset = {};
};

/// Actions of something that sees and forgets.
template <class Eye>
ModeActions actions_of(std::shared_ptr<Eye> eye) {
  return {[eye](const Frame& frame) { return eye->see(frame); }, [eye] { eye->reset(); }};
}

/// A way of seeing that the viewer can ask for: its name, and what makes it with its default
/// settings. `make` throws Error where it cannot be had.
struct LiveMode {
  std::string name;
  std::function<ModeActions()> make;
};

/// Sees frames in the mode that the viewer chose. The first is the caller's; the others are made
/// when they are first asked for.
class ModeSwitch {
 public:
  /// `first` is the name of one of `modes`, which `actions` stand for. Throws Error when it is not.
  ModeSwitch(std::vector<LiveMode> modes, const std::string& first, ModeActions actions);

  /// In another mode than the first, a frame has no numbers: the columns are the first mode's.
  SeenFrame see(const Frame& frame);
  /// The mode at `place` of those there are. Where it cannot be had, the present one stays and the
  /// next frames' notes say why.
  void choose(std::size_t place);
  /// The present mode forgets what it remembers.
  void reset();

  const std::string& first() const { return modes_[first_].name; }

 private:
  std::vector<LiveMode> modes_;
  std::vector<std::optional<ModeActions>> made_;  ///< of each mode
  std::size_t first_ = 0, now_ = 0;
  std::string notice_;
  int notice_frames_ = 0;
};

}  // namespace neurosplat
