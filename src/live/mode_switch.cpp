#include "neurosplat/live/mode_switch.h"

#include <algorithm>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr int kNoticeFrames = 60;

}  // namespace

ModeSwitch::ModeSwitch(std::vector<LiveMode> modes, const std::string& first, ModeActions actions)
    : modes_(std::move(modes)), made_(modes_.size()) {
  const auto found = std::find_if(modes_.begin(), modes_.end(),
                                  [&](const LiveMode& mode) { return mode.name == first; });
  if (found == modes_.end()) {
    throw Error(text("expected '", first, "' among the modes, got none of that name"));
  }
  first_ = now_ = static_cast<std::size_t>(found - modes_.begin());
  made_[first_] = std::move(actions);
}

SeenFrame ModeSwitch::see(const Frame& frame) {
  auto seen = made_.at(now_)->see(frame);
  seen.title = modes_[now_].name;
  if (now_ != first_) seen.numbers.clear();
  if (notice_frames_ > 0) {
    --notice_frames_;
    seen.note += "; " + notice_;
  }
  return seen;
}

void ModeSwitch::choose(std::size_t place) {
  notice_frames_ = 0;
  try {
    auto& wanted = made_.at(place);
    if (!wanted) wanted = modes_[place].make();
    now_ = place;
  } catch (const Error& error) {
    notice_ = error.what();
    notice_frames_ = kNoticeFrames;
    log::warn(notice_);
  }
}

void ModeSwitch::reset() {
  if (const auto& actions = made_.at(now_); actions->reset) actions->reset();
}

}  // namespace neurosplat
