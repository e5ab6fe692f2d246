#include "neurosplat/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "training/option_checks.h"

namespace neurosplat {

ScheduleKind schedule_from_name(const std::string& name) {
  check_one_of("schedule", name, {"constant", "linear", "cosine"});
  if (name == "linear") return ScheduleKind::linear;
  return name == "cosine" ? ScheduleKind::cosine : ScheduleKind::constant;
}

double Schedule::factor(std::int64_t position) const {
  if (position < warmup) return static_cast<double>(position + 1) / static_cast<double>(warmup);
  if (kind == ScheduleKind::constant) return 1.0;
  const double progress =
      std::min(1.0, static_cast<double>(position - warmup) / static_cast<double>(span - warmup));
  const double remaining = kind == ScheduleKind::linear
                               ? 1.0 - progress
                               : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return floor + (1.0 - floor) * remaining;
}

void check(const Schedule& schedule) {
  check_at_least("warmup", schedule.warmup, 0);
  if (schedule.kind == ScheduleKind::constant) return;
  check_at_least("span", schedule.span, schedule.warmup + 1);
  if (!(schedule.floor >= 0 && schedule.floor <= 1)) {
    throw UsageError(text("floor: expected a share from 0 to 1, got ", schedule.floor));
  }
}

}  // namespace neurosplat
