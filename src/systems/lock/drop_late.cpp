#include "neurosplat/systems/lock/drop_late.h"

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

DropLate drop_late(std::int64_t frames, double frames_per_second,
                   const std::function<double(std::int64_t)>& work) {
  if (!std::isfinite(frames_per_second) || frames_per_second <= 0) {
    throw UsageError(text("frames a second: expected a number above 0, got ", frames_per_second));
  }
  const auto arrival_ms = [&](std::int64_t frame) {
    return 1000.0 * static_cast<double>(frame) / frames_per_second;
  };
  DropLate result;
  double now_ms = 0;
  for (std::int64_t frame = 0; frame < frames;) {
    now_ms = std::max(now_ms, arrival_ms(frame)) + work(frame);
    result.taken.push_back(frame);
    std::int64_t next = frame + 1;
    while (next + 1 < frames && arrival_ms(next + 1) <= now_ms) ++next;
    result.dropped += next - (frame + 1);
    frame = next;
  }
  return result;
}

}  // namespace neurosplat
