#pragma once

#include <cstdint>
#include <string>

namespace neurosplat {

enum class ScheduleKind { constant, linear, cosine };

/// "constant", "linear" or "cosine". Throws UsageError.
ScheduleKind schedule_from_name(const std::string& name);

/// How a learning rate, or the weight of a term, changes along a run: the share of its full value
/// at a position, which counts epochs or steps from 0, whichever the caller means.
///
/// In the first `warmup` positions it rises linearly, 1/warmup at position 0 to 1 at warmup - 1
/// (torch's LinearLR from 1/warmup in warmup - 1 steps). From position `warmup` to position `span`
/// it falls from 1 to `floor`, and stays there: linearly (LinearLR with end factor `floor`) or as
/// half a wave of the cosine (Loshchilov and Hutter 2017, one period; CosineAnnealingLR with
/// T_max = span - warmup). A constant one stays at 1 and has no use for `span` and `floor`.
struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  std::int64_t span = 0;    ///< position of the floor, above `warmup`
  std::int64_t warmup = 0;  ///< positions, 0: none
  double floor = 0;         ///< share of the full value, 0 to 1

  /// 0 to 1; `position` is at least 0.
  double factor(std::int64_t position) const;
};

/// Throws UsageError when a field is out of its range.
void check(const Schedule& schedule);

}  // namespace neurosplat
