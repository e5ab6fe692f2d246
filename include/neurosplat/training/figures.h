#pragma once

#include <string>
#include <utility>
#include <vector>

namespace neurosplat {

/// Numbers with names, in an order: terms of a loss, values of schedules.
using Figures = std::vector<std::pair<std::string, double>>;

/// The figure of that name. Throws Error when there is none.
double figure(const Figures& figures, const std::string& name);

/// "rec 0.03, kl 12.5".
std::string listed(const Figures& figures);

}  // namespace neurosplat
