#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

/// Checks of single options; each throws UsageError that names the option.
namespace neurosplat {

inline void check_at_least(const char* name, std::int64_t value, std::int64_t least) {
  if (value < least) throw UsageError(text(name, ": expected at least ", least, ", got ", value));
}

inline void check_positive(const char* name, double value) {
  if (!(std::isfinite(value) && value > 0)) {
    throw UsageError(text(name, ": expected a positive number, got ", value));
  }
}

inline void check_one_of(const char* name, const std::string& value,
                         const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  std::string list;
  for (const auto& one : names) list += (list.empty() ? "" : ", ") + one;
  throw UsageError(text(name, ": expected one of ", list, ", got '", value, "'"));
}

}  // namespace neurosplat
