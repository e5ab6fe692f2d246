#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "neurosplat/data/patch_set.h"
#include "neurosplat/data/whitening.h"
#include "neurosplat/io/image_file.h"

/// What the tests of patches build their pictures from, and where patches come from.
namespace neurosplat::testing {

// A picture of noise that no other seed gives.
inline void write_noise(const std::filesystem::path& path, unsigned seed, int width = 56,
                        int height = 56, int depth = CV_8U) {
  std::filesystem::create_directories(path.parent_path());
  std::mt19937 random(seed);
  cv::Mat picture(height, width, depth);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto level = random() % 256U;
      if (depth == CV_8U)
        picture.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>(level);
      else
        picture.at<std::uint16_t>(y, x) = static_cast<std::uint16_t>(200 * level + 3);
    }
  if (!cv::imwrite(path.string(), picture)) throw std::runtime_error("cannot write a picture");
}

using Patch = std::vector<double>;

// The patches of a file as they are before all are standardised together, tile by tile.
inline std::vector<Patch> patches_in(const std::filesystem::path& file, std::int64_t side,
                                     bool mirrored = false) {
  const auto white =
      whitened(read_linear_grey(file).to(at::kDouble), {.mirrored = mirrored}).contiguous();
  const auto pixels = white.accessor<double, 2>();
  std::vector<Patch> patches;
  for (std::int64_t top = 0; top + side <= white.size(0); top += side)
    for (std::int64_t left = 0; left + side <= white.size(1); left += side) {
      auto& patch = patches.emplace_back();
      for (std::int64_t y = 0; y < side; ++y)
        for (std::int64_t x = 0; x < side; ++x) patch.push_back(pixels[top + y][left + x]);
    }
  return patches;
}

/// Says of which file a patch is, by what no shift and no scale changes.
class Origins {
 public:
  void add(const std::filesystem::path& file, std::int64_t side, bool mirrored = false) {
    for (const auto& patch : patches_in(file, side, mirrored)) {
      known_.emplace(signature(at::tensor(patch, at::kDouble)), file.filename().string());
    }
  }

  std::string of(const at::Tensor& patch) const {
    const auto found = known_.find(signature(patch.to(at::kDouble)));
    return found == known_.end() ? "unknown" : found->second;
  }

  /// How many patches of each file.
  std::map<std::string, int> counts(const at::Tensor& patches) const {
    std::map<std::string, int> counted;
    for (std::int64_t i = 0; i < patches.size(0); ++i) ++counted[of(patches[i])];
    return counted;
  }

 private:
  static std::vector<long> signature(const at::Tensor& patch) {
    const auto scores = (patch - patch.mean()) / patch.std();
    std::vector<long> rounded;
    for (std::int64_t i = 0; i < 8; ++i)
      rounded.push_back(std::lround(100 * scores[i].item<double>() + 0.123));
    return rounded;
  }

  std::multimap<std::vector<long>, std::string> known_;
};

inline void expect_apart(const std::map<std::string, int>& train,
                         const std::map<std::string, int>& validation) {
  EXPECT_FALSE(train.contains("unknown"));
  EXPECT_FALSE(validation.contains("unknown"));
  for (const auto& [name, count] : validation) EXPECT_FALSE(train.contains(name)) << name;
}

inline void expect_standard(const PatchSet& set) {
  const auto train = set.train.to(at::kDouble);
  EXPECT_NEAR(train.mean().item<double>(), 0, 1e-6);
  EXPECT_NEAR(train.std(/*unbiased=*/false).item<double>(), 1, 1e-6);
  EXPECT_EQ(set.train.scalar_type(), at::kFloat);
  EXPECT_EQ(set.validation.scalar_type(), at::kFloat);
  EXPECT_FALSE(set.train_labels.defined());
  EXPECT_FALSE(set.unit_range);
}

}  // namespace neurosplat::testing
