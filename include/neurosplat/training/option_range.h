#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "neurosplat/core/text.h"

/// The values that an option of a run takes. Help, checks and errors speak of them in the same
/// words. Numbers must be finite whatever the range.
namespace neurosplat {

struct AnyValue {};
struct AtLeast {
  double least;
};
struct Positive {};
struct Between {
  double least, most;
};
/// Names; of a list, at least one of them and none twice.
struct OneOf {
  std::vector<std::string> names;
};
using OptionRange = std::variant<AnyValue, AtLeast, Positive, Between, OneOf>;

/// "at least 1", "one of a, b"; empty where every value is taken.
std::string expected(const OptionRange& range);

/// What is wrong with a value, as "expected at least 1, got 0"; empty when nothing is.
std::string fault(const OptionRange& range, double value);
std::string fault(const OptionRange& range, const std::string& value);
std::string fault(const OptionRange& range, const std::vector<std::string>& values);

}  // namespace neurosplat
