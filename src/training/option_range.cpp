#include "neurosplat/training/option_range.h"

#include <algorithm>
#include <cmath>

#include "neurosplat/core/printable.h"

namespace neurosplat {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

bool holds(const OptionRange& range, double value) {
  const auto within = Overloaded{
      [](const AnyValue&) { return true; },
      [&](const AtLeast& at_least) { return value >= at_least.least; },
      [&](const Positive&) { return value > 0; },
      [&](const Between& between) { return value >= between.least && value <= between.most; },
      [](const OneOf&) { return true; },
  };
  return std::isfinite(value) && std::visit(within, range);
}

bool holds(const OptionRange& range, const std::string& value) {
  const auto* const one_of = std::get_if<OneOf>(&range);
  return one_of == nullptr ||
         std::find(one_of->names.begin(), one_of->names.end(), value) != one_of->names.end();
}

/// Of names, quoted; a number as it is written.
std::string instead_of(const OptionRange& range, const std::string& got) {
  const auto wanted = expected(range);
  return text("expected ", wanted.empty() ? "a finite number" : wanted, ", got ", got);
}

}  // namespace

std::string expected(const OptionRange& range) {
  const auto say = Overloaded{
      [](const AnyValue&) { return std::string(); },
      [](const AtLeast& at_least) { return text("at least ", at_least.least); },
      [](const Positive&) { return std::string("a positive number"); },
      [](const Between& between) { return text(between.least, " to ", between.most); },
      [](const OneOf& one_of) {
        std::string list = "one of ";
        for (const auto& name : one_of.names)
          list += (&name == one_of.names.data() ? "" : ", ") + name;
        return list;
      },
  };
  return std::visit(say, range);
}

std::string fault(const OptionRange& range, double value) {
  return holds(range, value) ? "" : instead_of(range, text(value));
}

std::string fault(const OptionRange& range, const std::string& value) {
  return holds(range, value) ? "" : instead_of(range, text('\'', printable(value), '\''));
}

std::string fault(const OptionRange& range, const std::vector<std::string>& values) {
  if (!std::holds_alternative<OneOf>(range)) return {};
  if (values.empty()) return instead_of(range, "none");
  for (const auto& value : values) {
    if (auto wrong = fault(range, value); !wrong.empty()) return wrong;
    if (std::count(values.begin(), values.end(), value) > 1)
      return text('\'', printable(value), "' is named twice");
  }
  return {};
}

}  // namespace neurosplat
