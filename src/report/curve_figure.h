#pragma once

#include <string>
#include <vector>

#include "neurosplat/report/found_results.h"

namespace neurosplat::report {

/// A run's line in a figure.
struct CurveLine {
  std::string name;
  std::size_t colour;  ///< which run it is: --line-0, --line-1, ... of the page's style, repeated
  const Term* term;
};

/// A figure of HTML, an inline SVG with axes and a caption with the lines' names and last values:
/// one term of several runs over epochs. The value axis is logarithmic where all values are above 0
/// and the greatest is more than 100 times the least. Lines of more than 600 points are thinned to
/// the extremes of stretches; a value that is not finite is a gap. Coordinates have two decimals.
std::string curve_figure(const std::string& title, const std::vector<CurveLine>& lines);

/// What is left of a line's points: first, last and the extremes of each stretch, in order.
std::vector<Term::Point> thinned(const std::vector<Term::Point>& points, std::size_t most);

/// Round numbers from `low` to `high`, at least two where they differ; of a logarithmic axis too.
std::vector<double> ticks(double low, double high, bool logarithmic);

}  // namespace neurosplat::report
