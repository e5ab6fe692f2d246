#include "neurosplat/recordings/gabor_bank.h"

#include <ATen/ATen.h>

#include <numbers>
#include <vector>

#include "recordings/gabor.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 64, kOrientations = 6;
constexpr double kCycles = 0.4;  ///< of deviation of the envelope, a period
struct Scale {
  double frequency;
  std::int64_t grid;
};
constexpr Scale kScales[] = {{2, 3}, {4, 6}, {8, 12}, {16, 12}};

}  // namespace

GaborBank::GaborBank() {
  std::vector<at::Tensor> first, later;
  for (const auto& scale : kScales) {
    const auto frequency = scale.frequency;
    const auto grid = scale.grid;
    for (std::int64_t orientation = 0; orientation < kOrientations; ++orientation) {
      for (std::int64_t place = 0; place < grid * grid; ++place) {
        const auto along = [&](std::int64_t number) {
          return (static_cast<double>(number) + 0.5) / static_cast<double>(grid);
        };
        const GaborPlace gabor{frequency,
                               static_cast<double>(orientation) * std::numbers::pi / kOrientations,
                               along(place % grid), along(place / grid), kCycles / frequency};
        first.push_back(gabor_filter(gabor, 0, kSide));
        later.push_back(gabor_filter(gabor, std::numbers::pi / 2, kSide));
      }
    }
  }
  first.insert(first.end(), later.begin(), later.end());
  filters_ = at::stack(first, 1);
}

std::int64_t GaborBank::size() const {
  return filters_.size(1) / 2;
}

at::Tensor GaborBank::energies(const at::Tensor& pictures) const {
  const auto seen = at::mm(contrast_of(pictures, kSide), filters_);
  return (seen.narrow(1, 0, size()).square() + seen.narrow(1, size(), size()).square()).sqrt();
}

}  // namespace neurosplat
