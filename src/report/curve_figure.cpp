#include "report/curve_figure.h"

#include <algorithm>
#include <cmath>

#include "neurosplat/core/text.h"
#include "report/html_text.h"

namespace neurosplat::report {
namespace {

constexpr double kWidth = 440, kHeight = 230;  // of the view box
constexpr double kLeft = 58, kRight = 12, kTop = 10, kBottom = 34;
constexpr std::size_t kMostPoints = 600;
constexpr double kLogarithmicFrom = 100;  // greatest over least value

/// From values to the view box.
struct Axis {
  double low, high;  ///< of the logarithm where it is logarithmic
  double start, end;
  bool logarithmic = false;

  double operator()(double value) const {
    const double place = logarithmic ? std::log10(value) : value;
    return start + (place - low) / (high - low) * (end - start);
  }
  double from(double place) const { return logarithmic ? std::pow(10, place) : place; }
};

struct Span {
  double low = INFINITY, high = -INFINITY;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

Axis value_axis(const std::vector<CurveLine>& lines) {
  Span all;
  for (const auto& line : lines) {
    for (const auto& point : line.term->points) {
      if (std::isfinite(point.value)) all.take(point.value);
    }
  }
  Axis axis{.low = all.low, .high = all.high, .start = kHeight - kBottom, .end = kTop};
  if (all.low > all.high) return {.low = 0, .high = 1, .start = axis.start, .end = axis.end};
  axis.logarithmic = all.low > 0 && all.high > kLogarithmicFrom * all.low;
  if (axis.logarithmic) {
    axis.low = std::log10(all.low);
    axis.high = std::log10(all.high);
  }
  const double flat = axis.low == 0 ? 1 : 0.05 * std::abs(axis.low);
  const double room = axis.high > axis.low ? 0.04 * (axis.high - axis.low) : flat;
  axis.low -= room;
  axis.high += room;
  return axis;
}

Axis epoch_axis(const std::vector<CurveLine>& lines) {
  Span all;
  for (const auto& line : lines) {
    for (const auto& point : line.term->points) all.take(point.epoch);
  }
  Axis axis{.low = all.low, .high = all.high, .start = kLeft, .end = kWidth - kRight};
  if (axis.low >= axis.high) {
    axis.low -= 0.5;
    axis.high += 0.5;
  }
  return axis;
}

std::string place(double coordinate) {
  return fixed(coordinate, 2);
}

std::string rule(double x1, double y1, double x2, double y2, const char* kind) {
  return text("<line class=\"", kind, "\" x1=\"", place(x1), "\" y1=\"", place(y1), "\" x2=\"",
              place(x2), "\" y2=\"", place(y2), "\"/>");
}

std::string label(double x, double y, const std::string& words, const char* anchor) {
  return text("<text x=\"", place(x), "\" y=\"", place(y), "\" text-anchor=\"", anchor, "\">",
              escaped(words), "</text>");
}

std::string axes(const Axis& x, const Axis& y) {
  std::string svg;
  for (const double value : ticks(y.from(y.low), y.from(y.high), y.logarithmic)) {
    svg += rule(kLeft, y(value), kWidth - kRight, y(value), "grid");
    svg += label(kLeft - 6, y(value) + 4, short_number(value), "end");
  }
  for (const double value : ticks(x.low, x.high, false)) {
    if (value != std::round(value)) continue;
    svg += rule(x(value), y.start, x(value), y.start + 4, "axis");
    svg += label(x(value), y.start + 16, short_number(value), "middle");
  }
  svg += rule(kLeft, y.start, kWidth - kRight, y.start, "axis");
  return svg + label((kLeft + kWidth - kRight) / 2, kHeight - 3, "epoch", "middle");
}

std::string colour_of(const CurveLine& line) {
  return text("style=\"--line:var(--line-", line.colour % 8, ")",
              line.colour >= 8 ? ";stroke-dasharray:5 3" : "", "\"");
}

std::string last_value(const CurveLine& line) {
  return line.term->points.empty() ? "–" : short_number(line.term->points.back().value);
}

/// A stretch without gaps: a line, or a dot where it is one point.
std::string stretch(const std::vector<Term::Point>& points, const Axis& x, const Axis& y,
                    const CurveLine& line) {
  const auto title = element("title", escaped(line.name + ": " + last_value(line)));
  if (points.size() == 1) {
    return element("circle", title,
                   text("class=\"dot\" ", colour_of(line), " cx=\"", place(x(points[0].epoch)),
                        "\" cy=\"", place(y(points[0].value)), "\" r=\"3\""));
  }
  std::string path;
  for (const auto& point : points) {
    path += text(path.empty() ? "" : " ", place(x(point.epoch)), ',', place(y(point.value)));
  }
  return element("polyline", title,
                 text("class=\"line\" ", colour_of(line), " points=\"", path, "\""));
}

std::string drawn(const CurveLine& line, const Axis& x, const Axis& y) {
  std::string svg;
  std::vector<Term::Point> run;
  for (const auto& point : thinned(line.term->points, kMostPoints)) {
    if (std::isfinite(point.value)) {
      run.push_back(point);
      continue;
    }
    if (!run.empty()) svg += stretch(run, x, y, line);
    run.clear();
  }
  return run.empty() ? svg : svg + stretch(run, x, y, line);
}

}  // namespace

std::vector<Term::Point> thinned(const std::vector<Term::Point>& points, std::size_t most) {
  if (points.size() <= most) return points;
  const std::size_t stretches = std::max<std::size_t>(most / 2, 1) - 1;
  std::vector<std::size_t> kept = {0, points.size() - 1};
  for (std::size_t i = 0; i < stretches; ++i) {
    const auto begin = i * points.size() / stretches, end = (i + 1) * points.size() / stretches;
    auto least = begin, greatest = begin;
    for (auto at = begin; at < end; ++at) {
      if (!std::isfinite(points[at].value)) kept.push_back(at);  // gaps stay
      if (points[at].value < points[least].value) least = at;
      if (points[at].value > points[greatest].value) greatest = at;
    }
    kept.push_back(least);
    kept.push_back(greatest);
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  std::vector<Term::Point> left;
  for (const auto at : kept) left.push_back(points[at]);
  return left;
}

std::vector<double> ticks(double low, double high, bool logarithmic) {
  std::vector<double> found;
  if (!(low < high) || !std::isfinite(low) || !std::isfinite(high)) return {low};
  if (logarithmic) {
    const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9));
    const int last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
    const int every = std::max(1, (last - first + 4) / 5);
    for (int power = first; power <= last; power += every) found.push_back(std::pow(10, power));
    return found;
  }
  const double rough = (high - low) / 5, size = std::pow(10, std::floor(std::log10(rough)));
  const double share = rough / size;
  const double step = size * (share < 1.5 ? 1 : share < 3 ? 2 : share < 7 ? 5 : 10);
  for (double n = std::ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; ++n) {
    found.push_back(n == 0 ? 0 : n * step);
  }
  return found;
}

std::string curve_figure(const std::string& title, const std::vector<CurveLine>& lines) {
  const auto x = epoch_axis(lines), y = value_axis(lines);
  auto svg = axes(x, y);
  std::string names;
  for (const auto& line : lines) {
    svg += drawn(line, x, y);
    names += element("span", text("<i class=\"key\" ", colour_of(line), "></i>", escaped(line.name),
                                  " ", element("b", escaped(last_value(line)))));
  }
  const auto picture =
      element("svg", svg,
              text("viewBox=\"0 0 ", kWidth, ' ', kHeight, "\" role=\"img\" aria-label=\"",
                   escaped(title), " over epochs\""));
  const auto scale = y.logarithmic ? " <small>logarithmic</small>" : "";
  return element("figure",
                 element("h3", escaped(title) + scale) + picture +
                     element("figcaption", names, "class=\"names\""),
                 "class=\"curve\"");
}

}  // namespace neurosplat::report
