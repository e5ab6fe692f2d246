#include "neurosplat/figure/chart.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <limits>

#include "figure/canvas.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr Colour kInk = {0.2F, 0.2F, 0.2F}, kGrid = {0.88F, 0.88F, 0.88F};
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool drawable(const ChartPoint& point, bool log_x) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!log_x || point.x > 0.0);
}

/// Round numbers along an axis: `first`, `first` + `step`, ..., `last`; where `log`, of decimal
/// logarithms.
struct Axis {
  double first, last, step;
  bool log = false;

  double share(double value) const {
    return ((log ? std::log10(value) : value) - first) / (last - first);
  }
  double end() const { return log ? std::pow(10.0, last) : last; }
  int count() const { return static_cast<int>(std::lround((last - first) / step)); }
  std::string label(int i) const {
    if (log) return text(std::pow(10.0, first + step * i));
    const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
    return fixed(first + step * i, decimals);
  }
};

/// About `parts` round steps that cover low to high.
Axis round_axis(double low, double high, int parts) {
  if (!(high > low)) high = low + 1.0;
  const double rough = (high - low) / parts, power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough) step = factor * power;
  }
  const double first = step * std::floor(low / step + 1e-9);
  const double last = step * std::ceil(high / step - 1e-9);
  return {first, std::max(last, first + step), step};
}

/// The whole powers of ten around low to high, about `parts` of them labelled.
Axis log_axis(double low, double high, int parts) {
  if (!(high > 0.0)) low = high = 1.0;
  const double first = std::floor(std::log10(low) + 1e-9);
  const double decades = std::max(1.0, std::ceil(std::log10(high) - 1e-9) - first);
  const double step = std::ceil(decades / parts);
  return {first, first + step * std::ceil(decades / step), step, true};
}

/// Where the lines go, and from what to what.
struct Plot {
  cv::Rect area;
  Axis x, y;

  cv::Point at(double px, double py) const {
    return sixteenths(
        {area.y + area.height * (1.0 - y.share(py)), area.x + area.width * x.share(px)});
  }
};

Plot plot_of(const Chart& chart, int height, int width) {
  double left = kNone, right = 0, low = kNone, high = kNone;
  const auto reach = [&](double y) {
    if (!std::isfinite(y)) return;
    low = std::fmin(low, y);
    high = std::fmax(high, y);
  };
  int names = 0;
  for (const auto& line : chart.lines) {
    names = std::max(names, Canvas::width_of(line.name));
    for (const auto& point : line.points) {
      if (!drawable(point, chart.log_x)) continue;
      left = std::fmin(left, point.x);
      right = std::max(right, point.x);
      reach(point.y);
    }
  }
  for (const auto& level : chart.levels) {
    names = std::max(names, Canvas::width_of(level.name));
    reach(level.y);
  }
  if (!std::isfinite(low)) low = high = 0;
  // Room, so that no point sits on the frame.
  constexpr double kRoom = 0.03;
  const double room = kRoom * (high - low);
  const auto y = round_axis(low - room, high + room, 6);
  constexpr int kLeast = 44, kTop = 46, kBottom = 42, kSample = 42;
  int left_margin = kLeast;
  for (int i = 0; i <= y.count(); ++i) {
    left_margin = std::max(left_margin, Canvas::width_of(y.label(i)) + 10);
  }
  return {cv::Rect(left_margin, kTop, std::max(40, width - left_margin - names - kSample - 10),
                   std::max(40, height - kTop - kBottom)),
          chart.log_x ? log_axis(left, right, 6) : round_axis(0.0, right * (1.0 + kRoom), 6), y};
}

void draw_axes(Canvas& canvas, const Plot& plot, const Chart& chart) {
  const auto& area = plot.area;
  const int bottom = area.y + area.height;
  for (int i = 0; i <= plot.x.count(); ++i) {
    const int x = area.x + area.width * i / plot.x.count();
    cv::line(canvas.mat, {x, area.y}, {x, bottom}, bgr(kGrid), 1);
    const auto label = plot.x.label(i);
    canvas.write(label, x - Canvas::width_of(label) / 2, bottom + 16, kInk);
  }
  for (int i = 0; i <= plot.y.count(); ++i) {
    const int y = bottom - area.height * i / plot.y.count();
    cv::line(canvas.mat, {area.x, y}, {area.x + area.width, y}, bgr(kGrid), 1);
    const auto label = plot.y.label(i);
    canvas.write(label, area.x - 6 - Canvas::width_of(label), y + 5, kInk);
  }
  cv::rectangle(canvas.mat, area, bgr(kInk), 1);
  canvas.write(chart.title, area.x, 16, kInk);
  canvas.write(chart.y_name, 8, area.y - 12, kInk);
  canvas.write(chart.x_name, area.x + (area.width - Canvas::width_of(chart.x_name)) / 2,
               bottom + 34, kInk);
}

void draw_dot(Canvas& canvas, const cv::Point& place, const Colour& colour) {
  constexpr int kRadius = 4;
  cv::circle(canvas.mat, place, kRadius << kShift, bgr(colour), cv::FILLED, cv::LINE_AA, kShift);
}

void draw_line(Canvas& canvas, const Plot& plot, const ChartLine& line) {
  std::vector<cv::Point> points;
  for (const auto& point : line.points) {
    if (!drawable(point, plot.x.log)) continue;
    points.push_back(plot.at(point.x, point.y));
    if (line.marks != ChartMarks::line) draw_dot(canvas, points.back(), line.colour);
    if (!(point.x_end > point.x)) continue;
    const double end = std::min(point.x_end, plot.x.end());
    cv::line(canvas.mat, points.back(), plot.at(end, point.y), bgr(line.colour), 1, cv::LINE_AA,
             kShift);
  }
  if (points.empty() || line.marks == ChartMarks::dots) return;
  cv::polylines(canvas.mat, points, false, bgr(line.colour), 2, cv::LINE_AA, kShift);
}

}  // namespace

Colour line_colour(std::size_t index) {
  static constexpr std::array<Colour, 8> kColours = {{{0.12F, 0.37F, 0.75F},
                                                      {0.84F, 0.37F, 0.00F},
                                                      {0.05F, 0.58F, 0.40F},
                                                      {0.72F, 0.25F, 0.60F},
                                                      {0.80F, 0.12F, 0.15F},
                                                      {0.35F, 0.70F, 0.90F},
                                                      {0.55F, 0.45F, 0.10F},
                                                      {0.30F, 0.30F, 0.30F}}};
  return kColours[index % kColours.size()];
}

Colour pale(const Colour& colour) {
  constexpr float kWhiteness = 0.62F;
  Colour paler = colour;
  for (auto& part : paler) part += kWhiteness * (1.0F - part);
  return paler;
}

at::Tensor draw_chart(const Chart& chart, int height, int width) {
  const at::NoGradGuard no_gradient;
  Canvas canvas(at::ones({3, height, width}, at::kFloat));
  const auto plot = plot_of(chart, height, width);
  draw_axes(canvas, plot, chart);
  const int names = plot.area.x + plot.area.width + 10;
  int row = plot.area.y + 10;
  const auto name_it = [&](const std::string& name, const Colour& colour, int thickness) {
    if (thickness == 0) draw_dot(canvas, {(names + 12) << kShift, (row - 4) << kShift}, colour);
    if (thickness > 0) {
      cv::line(canvas.mat, {names, row - 4}, {names + 24, row - 4}, bgr(colour), thickness);
    }
    canvas.write(name, names + 30, row, kInk);
    row += 18;
  };
  for (const auto& line : chart.lines) {
    draw_line(canvas, plot, line);
    name_it(line.name, line.colour, line.marks == ChartMarks::dots ? 0 : 2);
  }
  for (const auto& level : chart.levels) {
    if (!std::isfinite(level.y)) continue;
    // On whole pixels, or it would be a pale line of two.
    const auto& area = plot.area;
    const int y = plot.at(plot.x.log ? 1.0 : 0.0, level.y).y >> kShift;
    cv::line(canvas.mat, {area.x, y}, {area.x + area.width, y}, bgr(level.colour), 1);
    name_it(level.name, level.colour, 1);
  }
  return canvas.picture();
}

}  // namespace neurosplat
