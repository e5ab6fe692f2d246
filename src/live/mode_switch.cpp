#include "neurosplat/live/mode_switch.h"

#include <memory>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/cortex/live_cortex.h"
#include "neurosplat/systems/lock/live_lock.h"

namespace neurosplat::apps {
namespace {

constexpr int kNoticeFrames = 60;
constexpr double kLockBudget = 33.0;

std::size_t place_of(Mode mode) {
  return static_cast<std::size_t>(mode);
}

/// Actions of something that sees and forgets.
template <class Eye>
ModeActions actions_of(std::shared_ptr<Eye> eye) {
  return {[eye](const Frame& frame) { return eye->see(frame); }, [eye] { eye->reset(); }};
}

ModeActions cortex(const CortexSettings& settings, Expectation expectation, const char* word,
                   const char* label) {
  return actions_of(std::make_shared<LiveAgreement>(settings, std::move(expectation), word, label));
}

}  // namespace

const char* name_of(Mode mode) {
  return kModeNames.at(place_of(mode));
}

CortexSettings temporal_cortex() {
  CortexSettings settings;
  settings.decay = 0.6;
  settings.gated = false;
  settings.inhibition_fade = 0.9;
  return settings;
}

ModeSwitch::ModeSwitch(Mode first, ModeActions actions, std::optional<SplatVae> model)
    : first_(first), now_(first), model_(std::move(model)) {
  modes_.at(place_of(first)) = std::move(actions);
}

SeenFrame ModeSwitch::see(const Frame& frame) {
  auto seen = modes_.at(place_of(now_))->see(frame);
  seen.title = name_of(now_);
  if (now_ != first_) seen.numbers.clear();
  if (notice_frames_ > 0) {
    --notice_frames_;
    seen.note += "; " + notice_;
  }
  return seen;
}

void ModeSwitch::choose(Mode mode) {
  notice_frames_ = 0;
  try {
    auto& wanted = modes_.at(place_of(mode));
    if (!wanted) wanted = make(mode);
    now_ = mode;
  } catch (const Error& error) {
    notice_ = error.what();
    notice_frames_ = kNoticeFrames;
    log::warn(notice_);
  }
}

void ModeSwitch::reset() {
  if (const auto& actions = modes_.at(place_of(now_)); actions->reset) actions->reset();
}

const SplatVae& ModeSwitch::needed_model(Mode mode) const {
  if (!model_) throw Error(text("no ", name_of(mode), " without --model"));
  return *model_;
}

ModeActions ModeSwitch::make(Mode mode) const {
  const auto gist = [&] { return model_ ? model_gist(*model_) : Expectation(); };
  switch (mode) {
    case Mode::lock:
      return actions_of(
          std::make_shared<LiveLock>(needed_model(mode), LockSolverSettings{}, kLockBudget));
    case Mode::agreement:
      return model_ ? cortex({}, gist(), "gist", "gist (theta), model")
                    : cortex({}, blurred_gist(), "gist", "gist (theta)");
    case Mode::saccade: {
      const auto eye = std::make_shared<SaccadeCortex>(needed_model(mode), SaccadeSettings{});
      return {[eye](const Frame& frame) { return see_saccades(*eye, frame); }};
    }
    case Mode::temporal:
      break;
  }
  return cortex(temporal_cortex(), of_the_frame_before(gist()), "prior",
                model_ ? "prior: the frame before, model" : "prior: the frame before");
}

}  // namespace neurosplat::apps
