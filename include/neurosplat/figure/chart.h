#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "neurosplat/figure/drawing.h"

namespace neurosplat {

struct ChartPoint {
  double x, y;
  double x_end;  ///< a thin line runs from the point to there; x for none
};

/// How points are drawn: as dots joined by lines, as lines alone, or as dots alone.
enum class ChartMarks { joined_dots, line, dots };

/// Points in their order; those that are not finite are left out.
struct ChartLine {
  std::string name;
  Colour colour;
  std::vector<ChartPoint> points;
  ChartMarks marks = ChartMarks::joined_dots;
};

/// A level across the whole chart.
struct ChartLevel {
  std::string name;
  Colour colour;
  double y;
};

/// Lines over round-numbered axes, the names of lines and levels at the right.
struct Chart {
  std::string title = {}, x_name = {}, y_name = {};
  std::vector<ChartLine> lines = {};
  std::vector<ChartLevel> levels = {};
  /// x over whole powers of ten, points at 0 and below left out, instead of evenly from 0 on.
  bool log_x = false;
};

/// Colours that can be told apart on white, for line `index`; they repeat after eight.
Colour line_colour(std::size_t index);

/// The same hue, most of it white: of what stands behind a line of that colour.
Colour pale(const Colour& colour);

/// Float [3, height, width], on white.
at::Tensor draw_chart(const Chart& chart, int height, int width);

}  // namespace neurosplat
