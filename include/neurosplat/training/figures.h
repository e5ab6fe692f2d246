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

/// Which figures of metrics.jsonl a reader wants to see over the epochs, on one pair of axes.
struct Curves {
  struct Line {
    std::string key;   ///< in metrics.jsonl
    std::string name;  ///< beside the line
  };
  std::string y_name;
  std::vector<Line> lines;
};

}  // namespace neurosplat
