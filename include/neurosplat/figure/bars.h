#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "neurosplat/figure/drawing.h"

namespace neurosplat {

struct Bar {
  std::string name;
  double value;  ///< >= 0; not finite: a name without a bar
  Colour colour;
};

/// Bars from 0 to the right, one below the other, each with its name and its value.
struct BarChart {
  std::string title = {}, unit = {};
  std::vector<Bar> bars = {};
  int decimals = 2;  ///< of the values
};

/// Float [3, height, width], on white.
at::Tensor draw_bars(const BarChart& chart, int height, int width);

}  // namespace neurosplat
