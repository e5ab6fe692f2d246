#include "neurosplat/figure/bars.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "figure/canvas.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

at::Tensor draw_bars(const BarChart& chart, int height, int width) {
  const at::NoGradGuard no_gradient;
  constexpr Colour kInk = {0.2F, 0.2F, 0.2F};
  constexpr int kTop = 30, kEdge = 8, kGap = 8;
  Canvas canvas(at::ones({3, height, width}, at::kFloat));
  canvas.write(chart.title, kEdge, 16, kInk);
  const auto written = [&](double value) {
    return fixed(value, chart.decimals) + (chart.unit.empty() ? "" : " " + chart.unit);
  };
  int names = 0, values = 0;
  double longest = 0;
  for (const auto& bar : chart.bars) {
    names = std::max(names, Canvas::width_of(bar.name));
    if (!std::isfinite(bar.value)) continue;
    values = std::max(values, Canvas::width_of(written(bar.value)));
    longest = std::max(longest, bar.value);
  }
  const int left = kEdge + names + kGap;
  const int room = std::max(10, width - left - kGap - values - kEdge);
  const auto count = static_cast<int>(chart.bars.size());
  for (int i = 0; i < count; ++i) {
    const auto& bar = chart.bars[static_cast<std::size_t>(i)];
    const int top = kTop + (height - kTop - kEdge) * i / count;
    const int bottom = kTop + (height - kTop - kEdge) * (i + 1) / count - 3;
    const int line = (top + bottom) / 2 + 4;
    canvas.write(bar.name, kEdge + names - Canvas::width_of(bar.name), line, kInk);
    if (!std::isfinite(bar.value)) continue;
    const double share = longest > 0 ? std::max(bar.value, 0.0) / longest : 0;
    const int end = left + static_cast<int>(std::lround(room * share));
    if (end > left) {
      cv::rectangle(canvas.mat, {left, top}, {end - 1, bottom}, bgr(bar.colour), cv::FILLED);
    }
    canvas.write(written(bar.value), end + kGap, line, kInk);
  }
  return canvas.picture();
}

}  // namespace neurosplat
