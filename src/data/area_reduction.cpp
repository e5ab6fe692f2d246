#include "data/area_reduction.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace neurosplat {
namespace {

/// Of one new pixel: the first old one it covers, and the share of each.
struct Cover {
  std::int64_t first;
  std::vector<double> shares;
};

std::vector<Cover> covers(std::int64_t from, std::int64_t to) {
  std::vector<Cover> all;
  const double width = static_cast<double>(from) / static_cast<double>(to);
  for (std::int64_t pixel = 0; pixel < to; ++pixel) {
    const double left = static_cast<double>(pixel) * width, right = left + width;
    Cover cover{std::min(from - 1, static_cast<std::int64_t>(left)), {}};
    double sum = 0;
    for (auto old = cover.first; old < from && static_cast<double>(old) < right; ++old) {
      const double share =
          std::min(right, static_cast<double>(old + 1)) - std::max(left, static_cast<double>(old));
      cover.shares.push_back(std::max(share, 0.0));
      sum += cover.shares.back();
    }
    for (auto& share : cover.shares) share /= sum;
    all.push_back(std::move(cover));
  }
  return all;
}

// Makes whole rows out of rows.
at::Tensor reduced_rows(const at::Tensor& picture, const std::vector<Cover>& rows) {
  const auto width = picture.size(1);
  auto reduced = at::zeros({static_cast<std::int64_t>(rows.size()), width}, at::kDouble);
  const auto* from = picture.const_data_ptr<double>();
  auto* to = reduced.mutable_data_ptr<double>();
  for (const auto& cover : rows) {
    const auto* old = from + cover.first * width;
    for (const double share : cover.shares) {
      for (std::int64_t column = 0; column < width; ++column) to[column] += share * old[column];
      old += width;
    }
    to += width;
  }
  return reduced;
}

}  // namespace

at::Tensor reduced_by_area(const at::Tensor& picture, std::int64_t longest) {
  const auto height = picture.size(0), width = picture.size(1), longer = std::max(height, width);
  const auto exact = picture.to(at::kDouble).contiguous();
  if (longer <= longest) return exact;
  const auto reduced = [&](std::int64_t side) {
    const double share = static_cast<double>(longest) / static_cast<double>(longer);
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * share));
  };
  const auto shorter = reduced_rows(exact, covers(height, reduced(height)));
  return reduced_rows(shorter.t().contiguous(), covers(width, reduced(width))).t().contiguous();
}

}  // namespace neurosplat
