#include "neurosplat/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurosplat/training/option_range.h"

namespace neurosplat {

ScheduleKind schedule_from_name(const std::string& name) {
  check_option("schedule", OneOf{{"constant", "linear", "cosine"}}, name);
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
  check_option("warmup", AtLeast{0}, schedule.warmup);
  if (schedule.kind == ScheduleKind::constant) return;
  check_option("span", AtLeast{static_cast<double>(schedule.warmup + 1)}, schedule.span);
  check_option("floor", Between{0, 1}, schedule.floor);
}

}  // namespace neurosplat
