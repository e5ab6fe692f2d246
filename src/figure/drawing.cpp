#include "neurosplat/figure/drawing.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "figure/canvas.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr int kBand = 20;

void check_map(const at::Tensor& map) {
  if (map.dim() == 2 && map.is_floating_point() && map.numel() > 0) return;
  throw Error(text("expected a map, float [H, W], got ", map.toString(), " ", map.sizes()));
}

/// Three numbers along the x axis and three along the y axis.
void draw_axes(Canvas& canvas, const cv::Rect& area, const std::array<double, 4>& range,
               const std::string& x_name) {
  constexpr Colour kInk = {0.2F, 0.2F, 0.2F};
  cv::rectangle(canvas.mat, area, bgr(kInk), 1);
  for (int i = 0; i <= 2; ++i) {
    const double share = 0.5 * i;
    const auto x = range[0] + share * (range[1] - range[0]);
    const auto y = range[2] + share * (range[3] - range[2]);
    canvas.write(fixed(x, 2), area.x + static_cast<int>(share * (area.width - 28)),
                 area.y + area.height + 15, kInk);
    canvas.write(fixed(y, 1), 4, area.y + area.height - static_cast<int>(share * area.height) + 5,
                 kInk);
  }
  canvas.write(x_name, area.x + area.width / 2 - 40, area.y + area.height + 31, kInk);
}

}  // namespace

at::Tensor with_label(const at::Tensor& picture, const std::string& label) {
  const at::NoGradGuard no_gradient;
  auto band = at::zeros({3, kBand, picture.size(2)}, at::kFloat);
  Canvas canvas(at::cat({band, picture.detach().to(at::kCPU, at::kFloat)}, 1));
  canvas.write(label, 5, 14, kWhite);
  // A long label may have run over the picture's right edge, nowhere else.
  return canvas.picture();
}

at::Tensor with_rings(const at::Tensor& picture, const std::vector<Place>& places, double radius,
                      const Colour& colour) {
  Canvas canvas(picture);
  const int size = static_cast<int>(std::lround(std::clamp(radius, 0.0, 1e5) * (1 << kShift)));
  for (const auto& place : places) {
    cv::circle(canvas.mat, sixteenths(place), size, bgr(colour), 1, cv::LINE_AA, kShift);
  }
  return canvas.picture();
}

at::Tensor with_path(const at::Tensor& picture, const std::vector<Place>& places,
                     const Colour& colour) {
  Canvas canvas(picture);
  for (std::size_t i = 1; i < places.size(); ++i) {
    cv::line(canvas.mat, sixteenths(places[i - 1]), sixteenths(places[i]), bgr(colour), 1,
             cv::LINE_AA, kShift);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    cv::circle(canvas.mat, sixteenths(places[i]), 3 << kShift, bgr(colour), cv::FILLED, cv::LINE_AA,
               kShift);
    const auto at = sixteenths(places[i]);
    // A number that would run off the picture stands left of or below its place.
    const auto words = std::to_string(i + 1);
    const int x = (at.x >> kShift) + 5, y = (at.y >> kShift) - 4;
    const int width = 9 * static_cast<int>(words.size());
    canvas.write_rimmed(words, x + width > canvas.mat.cols ? x - 10 - width : x,
                        y < 10 ? y + 18 : y, colour);
  }
  return canvas.picture();
}

at::Tensor with_box(const at::Tensor& picture, int top, int bottom, int left, int right,
                    const Colour& colour) {
  Canvas canvas(picture);
  cv::rectangle(canvas.mat, {left, top}, {right - 1, bottom - 1}, bgr(colour), 1);
  return canvas.picture();
}

at::Tensor draw_curves(const std::vector<double>& x, const std::vector<Curve>& curves,
                       const std::string& x_name, int height, int width) {
  std::array<double, 4> range = {x.front(), x.back(), INFINITY, -INFINITY};
  for (const auto& curve : curves) {
    if (curve.y.size() != x.size()) throw Error("expected curves as long as their x axis");
    for (const double y : curve.y) {
      range[2] = std::min(range[2], y);
      range[3] = std::max(range[3], y);
    }
  }
  if (!(range[3] > range[2])) range[3] = range[2] + 1.0;
  if (!(range[1] > range[0])) range[1] = range[0] + 1.0;
  Canvas canvas(at::ones({3, height, width}, at::kFloat));
  const cv::Rect area(46, 10, width - 60, height - 50);
  draw_axes(canvas, area, range, x_name);
  int line = 0;
  for (const auto& curve : curves) {
    std::vector<cv::Point> points;
    for (std::size_t i = 0; i < x.size(); ++i) {
      points.push_back(
          sixteenths({area.y + area.height * (range[3] - curve.y[i]) / (range[3] - range[2]),
                      area.x + area.width * (x[i] - range[0]) / (range[1] - range[0])}));
    }
    cv::polylines(canvas.mat, points, false, bgr(curve.colour), 2, cv::LINE_AA, kShift);
    canvas.write(curve.name, area.x + area.width / 2, area.y + area.height / 5 + 15 * line++,
                 curve.colour);
  }
  return canvas.picture();
}

at::Tensor grey_picture(const at::Tensor& map) {
  check_map(map);
  return map.detach().to(at::kCPU, at::kFloat).unsqueeze(0).expand({3, -1, -1}).contiguous();
}

at::Tensor magma(const at::Tensor& map) {
  Canvas canvas(grey_picture(map));
  cv::Mat grey, coloured;
  cv::extractChannel(canvas.mat, grey, 0);
  cv::applyColorMap(grey, coloured, cv::COLORMAP_MAGMA);
  coloured.copyTo(canvas.mat);
  return canvas.picture();
}

at::Tensor diverging(const at::Tensor& map) {
  check_map(map);
  const auto value = map.detach().to(at::kCPU, at::kFloat).clamp(-1.0, 1.0);
  const auto above = value.clamp_min(0.0), below = (-value).clamp_min(0.0);
  return at::stack({1.0 - 0.8 * below, 1.0 - 0.7 * below - 0.8 * above, 1.0 - 0.8 * above});
}

at::Tensor sheet_of(const std::vector<std::vector<at::Tensor>>& rows, int gap) {
  std::vector<at::Tensor> lines;
  std::int64_t width = 0;
  for (const auto& row : rows) {
    std::vector<at::Tensor> parts;
    for (const auto& picture : row) {
      if (!parts.empty()) parts.push_back(at::zeros({3, picture.size(1), gap}, at::kFloat));
      parts.push_back(picture.to(at::kCPU, at::kFloat));
    }
    if (!lines.empty()) lines.push_back(at::zeros({3, gap, lines.back().size(2)}, at::kFloat));
    lines.push_back(at::cat(parts, 2));
    width = std::max(width, lines.back().size(2));
  }
  for (auto& line : lines) line = at::constant_pad_nd(line, {0, width - line.size(2)});
  return at::cat(lines, 1);
}

}  // namespace neurosplat
