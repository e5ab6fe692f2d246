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

/// Points joined in their order; those that are not finite are left out.
struct ChartLine {
  std::string name;
  Colour colour;
  std::vector<ChartPoint> points;
};

/// A level across the whole chart.
struct ChartLevel {
  std::string name;
  Colour colour;
  double y;
};

/// Lines over round-numbered axes, x from 0 on, the names of lines and levels at the right.
struct Chart {
  std::string title = {}, x_name = {}, y_name = {};
  std::vector<ChartLine> lines = {};
  std::vector<ChartLevel> levels = {};
};

/// Colours that can be told apart on white, for line `index`; they repeat after eight.
Colour line_colour(std::size_t index);

/// Float [3, height, width], on white.
at::Tensor draw_chart(const Chart& chart, int height, int width);

}  // namespace neurosplat
