#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace neurosplat {

/// What became of a stream that cannot wait.
struct DropLate {
  std::vector<std::int64_t> taken;  ///< frames that were worked on, in order
  std::int64_t dropped = 0;         ///< the others: a newer one had arrived
};

/// Frame i of `frames` arrives at i / frames_per_second seconds. work(i) works on it and gives the
/// milliseconds that took. When it ends, the newest frame that has arrived is next and those
/// before it are dropped; where none has, the next one is waited for. The clock is simulated: no
/// time passes but what `work` says. Throws UsageError for a rate that cannot be.
DropLate drop_late(std::int64_t frames, double frames_per_second,
                   const std::function<double(std::int64_t)>& work);

}  // namespace neurosplat
