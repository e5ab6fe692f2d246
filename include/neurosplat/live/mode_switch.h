#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "neurosplat/live/live_loop.h"
#include "neurosplat/live/mode.h"
#include "neurosplat/systems/cortex/agreement_cortex.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat::apps {

const char* name_of(Mode mode);

struct ModeActions {
  std::function<SeenFrame(const Frame&)> see;
  std::function<void()> reset = {};
};

/// Sees frames in the mode that the viewer chose. The first is the caller's; the others are made
/// when they are first asked for, with their default settings and the model there is.
class ModeSwitch {
 public:
  ModeSwitch(Mode first, ModeActions actions, std::optional<SplatVae> model);

  /// In another mode than the first, a frame has no numbers: the columns are the first mode's.
  SeenFrame see(const Frame& frame);
  /// Where the mode cannot be had, the present one stays and the next frames' notes say why.
  void choose(Mode mode);
  /// The present mode forgets what it remembers.
  void reset();

  Mode first() const { return first_; }

 private:
  ModeActions make(Mode mode) const;
  const SplatVae& needed_model(Mode mode) const;

  Mode first_, now_;
  std::array<std::optional<ModeActions>, kModeNames.size()> modes_;
  std::optional<SplatVae> model_;
  std::string notice_;
  int notice_frames_ = 0;
};

/// What `temporal` changes of the cortex.
CortexSettings temporal_cortex();

}  // namespace neurosplat::apps
