#include "neurosplat/training/figures.h"

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

double figure(const Figures& figures, const std::string& name) {
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == figures.end()) throw Error(text("expected a figure '", name, "', found none"));
  return found->second;
}

std::string listed(const Figures& figures) {
  std::string list;
  for (const auto& [name, value] : figures) {
    list += text(list.empty() ? "" : ", ", name, ' ', value);
  }
  return list;
}

}  // namespace neurosplat
