#include "neurosplat/metrics/perceptual_loss.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "metrics/feature_weights.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/metrics/feature_network.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;

at::Tensor noise(at::IntArrayRef size, std::uint64_t seed, at::ScalarType type = at::kDouble) {
  return at::rand(size, at::detail::createCPUGenerator(seed), at::TensorOptions(type));
}

/// The slope along the gradient by central differences, against the gradient's length.
void expect_gradient(const PerceptualLoss& loss, const at::Tensor& pictures,
                     const at::Tensor& target, double step, double share) {
  const auto leaf = pictures.detach().clone().requires_grad_();
  loss(leaf, target).backward();
  const auto gradient = leaf.grad();
  ASSERT_TRUE(gradient.defined());
  const auto direction = noise(pictures.sizes(), 77).to(pictures.scalar_type()) - 0.5 +
                         gradient / gradient.norm() * 3.0;
  const double expected = (gradient * direction).sum().item<double>();
  ASSERT_GT(std::abs(expected), 1e-4);
  const double slope =
      (loss(pictures + step * direction, target) - loss(pictures - step * direction, target))
          .item<double>() /
      (2 * step);
  EXPECT_NEAR(slope, expected, share * std::abs(expected));
}

TEST(PerceptualLoss, NoneIsNothing) {
  const auto loss = perceptual_loss("none");
  EXPECT_TRUE(loss.is_none());
  EXPECT_EQ(loss.name(), "none");
  const auto value = loss(noise({2, 3, 8, 8}, 1), noise({2, 3, 8, 8}, 2));
  EXPECT_EQ(value.dim(), 0);
  EXPECT_EQ(value.item<double>(), 0);
}

using Plane = std::vector<std::vector<double>>;

double mean_of(const Plane& plane) {
  double sum = 0;
  for (const auto& row : plane)
    for (const double value : row) sum += std::abs(value);
  return sum / static_cast<double>(plane.size() * plane[0].size());
}

/// The blur as a sum over a window of 5 x 5.
Plane blurred(const Plane& plane) {
  constexpr std::array<double, 5> kWeights = {1, 4, 6, 4, 1};
  const auto rows = static_cast<int>(plane.size()), columns = static_cast<int>(plane[0].size());
  auto result = plane;
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      double sum = 0;
      for (int i = -2; i <= 2; ++i)
        for (int j = -2; j <= 2; ++j) {
          const auto at_y = static_cast<std::size_t>(std::clamp(y + i, 0, rows - 1));
          const auto at_x = static_cast<std::size_t>(std::clamp(x + j, 0, columns - 1));
          sum += kWeights[static_cast<std::size_t>(i + 2)] *
                 kWeights[static_cast<std::size_t>(j + 2)] / 256 * plane[at_y][at_x];
        }
      result[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = sum;
    }
  return result;
}

/// Bands of one plane of pictures, each as what is compared: levels, then what is left.
std::vector<Plane> bands_of(Plane plane, int levels) {
  std::vector<Plane> bands;
  for (int level = 0; level < levels; ++level) {
    const auto smooth = blurred(plane);
    auto band = plane;
    for (std::size_t y = 0; y < band.size(); ++y)
      for (std::size_t x = 0; x < band[0].size(); ++x) band[y][x] -= smooth[y][x];
    bands.push_back(band);
    plane.clear();
    for (std::size_t y = 0; y < smooth.size(); y += 2) {
      plane.emplace_back();
      for (std::size_t x = 0; x < smooth[0].size(); x += 2) plane.back().push_back(smooth[y][x]);
    }
  }
  bands.push_back(plane);
  return bands;
}

double gradients_of(const Plane& difference) {
  double down = 0, right = 0;
  const auto rows = difference.size(), columns = difference[0].size();
  for (std::size_t y = 0; y < rows; ++y)
    for (std::size_t x = 0; x < columns; ++x) {
      if (y + 1 < rows) down += std::abs(difference[y + 1][x] - difference[y][x]);
      if (x + 1 < columns) right += std::abs(difference[y][x + 1] - difference[y][x]);
    }
  return down / static_cast<double>((rows - 1) * columns) +
         right / static_cast<double>(rows * (columns - 1));
}

Plane plane_of(const at::Tensor& map) {
  Plane plane;
  for (std::int64_t y = 0; y < map.size(0); ++y) {
    plane.emplace_back();
    for (std::int64_t x = 0; x < map.size(1); ++x) plane.back().push_back(map[y][x].item<double>());
  }
  return plane;
}

/// Pyramids of both pictures, band by band.
double slow_pyramid_loss(const at::Tensor& one, const at::Tensor& other, int levels) {
  double sum = 0;
  for (std::int64_t b = 0; b < one.size(0); ++b)
    for (std::int64_t c = 0; c < one.size(1); ++c) {
      auto bands = bands_of(plane_of(one[b][c]), levels);
      const auto others = bands_of(plane_of(other[b][c]), levels);
      for (std::size_t k = 0; k < bands.size(); ++k) {
        for (std::size_t y = 0; y < bands[k].size(); ++y)
          for (std::size_t x = 0; x < bands[k][0].size(); ++x) bands[k][y][x] -= others[k][y][x];
        sum += mean_of(bands[k]);
      }
      sum += gradients_of(plane_of(one[b][c] - other[b][c]));
    }
  return sum / static_cast<double>(one.size(0) * one.size(1));
}

TEST(PyramidLoss, IsThatOfTwoPyramidsByLoops) {
  const auto one = noise({2, 3, 11, 16}, 1), other = noise({2, 3, 11, 16}, 2);
  EXPECT_NEAR(pyramid_loss(one, other).item<double>(), slow_pyramid_loss(one, other, 4), 1e-12);
  EXPECT_NEAR(pyramid_loss(one, other, 2).item<double>(), slow_pyramid_loss(one, other, 2), 1e-12);
  EXPECT_NEAR(perceptual_loss("pyramid")(one, other).item<double>(),
              slow_pyramid_loss(one, other, 4), 1e-12);
}

// What is the same everywhere is in no band but the last.
TEST(PyramidLoss, OfAShiftIsTheShift) {
  const auto pictures = noise({2, 3, 16, 16}, 3);
  EXPECT_NEAR(pyramid_loss(pictures + 0.25, pictures).item<double>(), 0.25, 1e-12);
  EXPECT_EQ(pyramid_loss(pictures, pictures).item<double>(), 0);
}

TEST(PyramidLoss, HasTheGradientOfFiniteDifferences) {
  expect_gradient(perceptual_loss("pyramid"), noise({2, 3, 12, 10}, 4), noise({2, 3, 12, 10}, 5),
                  1e-7, 1e-5);
}

TEST(PyramidLoss, WidensWhatIsNarrow) {
  const auto one = noise({1, 3, 16, 16}, 6, at::kFloat),
             other = noise({1, 3, 16, 16}, 7, at::kFloat);
  const auto narrow = one.to(at::kBFloat16);
  const auto loss = pyramid_loss(narrow, other);
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  EXPECT_EQ(loss.item<float>(), pyramid_loss(narrow.to(at::kFloat), other).item<float>());
}

TEST(FeatureDistance, IsOfDirectionsAlone) {
  const auto x = at::tensor({3., 4.}, at::kDouble).view({1, 2, 1, 1});
  const auto across = at::tensor({-4., 3.}, at::kDouble).view({1, 2, 1, 1});
  const auto value = [](const at::Tensor& one, const at::Tensor& other) {
    return feature_distance({one}, {other}).item<double>();
  };
  EXPECT_NEAR(value(x, x * 7), 0, 1e-12);
  EXPECT_NEAR(value(x, across), 2, 1e-9);
  EXPECT_NEAR(value(x, -x), 4, 1e-9);
  EXPECT_NEAR(feature_distance({x, x}, {across, -x}).item<double>(), 3, 1e-9);
  EXPECT_NEAR(value(at::cat({x, x}, 3), at::cat({x, -x}, 3)), 2, 1e-9);
  one_line_error([&] { feature_distance({x}, {x, x}); });
  one_line_error([&] { feature_distance({x}, {at::cat({x, x}, 3)}); });
  one_line_error([&] { feature_distance({}, {}); });
}

class Scripted : public ::testing::Test {
 protected:
  /// A network of a kernel [4, 3, 3, 3] whose forward is `body`.
  std::string saved(const std::string& body, at::ScalarType type = at::kDouble) {
    torch::jit::Module network("Network");
    kernel_ = noise({4, 3, 3, 3}, 8).to(type) - 0.5;
    network.register_parameter("kernel", kernel_, /*is_buffer=*/false);
    network.define("def forward(self, x):\n  " + body + "\n");
    const auto file = folder_ / "network.pt";
    network.save(file.string());
    return "script:" + file.string();
  }

  testing::TemporaryFolder folder_;
  at::Tensor kernel_;
};

TEST_F(Scripted, ComparesTheMapsOfTheFile) {
  const auto one = noise({2, 3, 8, 8}, 9), other = noise({2, 3, 8, 8}, 10);
  const auto single = perceptual_loss(saved("return torch.conv2d(x, self.kernel)"));
  const auto map = [&](const at::Tensor& x) { return at::conv2d(x, kernel_); };
  const double of_map = feature_distance({map(one)}, {map(other)}).item<double>();
  EXPECT_GT(of_map, 0.01);
  EXPECT_NEAR(single(one, other).item<double>(), of_map, 1e-12);
  EXPECT_EQ(single(one, one).item<double>(), 0);
  expect_gradient(single, one, other, 1e-6, 1e-6);

  const double of_both =
      feature_distance({map(one), one.mean({2, 3})}, {map(other), other.mean({2, 3})})
          .item<double>();
  for (const char* both : {"return (torch.conv2d(x, self.kernel), x.mean([2, 3]))",
                           "return [torch.conv2d(x, self.kernel), x.mean([2, 3])]"}) {
    const auto loss = perceptual_loss(saved(both));
    EXPECT_NEAR(loss(one, other).item<double>(), of_both, 1e-12) << both;
    EXPECT_TRUE(loss.name().starts_with("script:"));
  }
}

TEST_F(Scripted, DoesNotLearn) {
  const auto loss = perceptual_loss(saved("return torch.conv2d(x, self.kernel)"));
  const auto one = noise({1, 3, 8, 8}, 11), other = noise({1, 3, 8, 8}, 12);
  EXPECT_FALSE(loss(one, other).requires_grad());
}

TEST_F(Scripted, RefusesOtherFilesInOneLine) {
  std::ofstream(folder_ / "text") << "no network";
  for (const auto& file : {folder_ / "text", folder_ / "nothing", folder_.path()}) {
    const auto said = one_line_error([&] { perceptual_loss("script:" + file.string()); });
    EXPECT_NE(said.find(file.string()), std::string::npos) << said;
    EXPECT_NE(said.find("torch.jit.save"), std::string::npos) << said;
  }
  torch::jit::Module empty("Empty");
  empty.save((folder_ / "empty.pt").string());
  one_line_error([&] { perceptual_loss("script:" + (folder_ / "empty.pt").string()); });
}

TEST_F(Scripted, RefusesWhatGivesNoMaps) {
  const auto pictures = noise({2, 3, 8, 8}, 13);
  for (const char* body :
       {"return 3", "return x.sum()", "return x[0]", "return (x, 3)", "return (x > 0)",
        "return torch.conv2d(x[:, :2], self.kernel)", "assert False, 'never'\n  return x"}) {
    const auto loss = perceptual_loss(saved(body));
    one_line_error([&] { loss(pictures, pictures); });
  }
}

class Lite0 : public ::testing::Test {
 protected:
  void SetUp() override {
    write_safetensors(folder_ / "weights.safetensors", testing::random_feature_weights());
    const char* before = std::getenv("NEUROSPLAT_FEATURES");
    before_ = before == nullptr ? "" : before;
    ::setenv("NEUROSPLAT_FEATURES", (folder_ / "weights.safetensors").c_str(), 1);
  }
  void TearDown() override { ::setenv("NEUROSPLAT_FEATURES", before_.c_str(), 1); }

  testing::TemporaryFolder folder_;
  std::string before_;
};

TEST_F(Lite0, ComparesMapsAtFourDepths) {
  const auto loss = perceptual_loss("lite0");
  const auto one = noise({2, 3, 64, 64}, 14, at::kFloat);
  const auto other = noise({2, 3, 64, 64}, 15, at::kFloat);
  const FeatureNetwork network(feature_network_file());
  const auto maps = [&](const at::Tensor& x) {
    return network.block_maps((x * 255.0 - 127.0) / 128.0, {0, 2, 4, 10});
  };
  const double expected = feature_distance(maps(one), maps(other)).item<double>();
  EXPECT_GT(expected, 0.01);
  EXPECT_NEAR(loss(one, other).item<double>(), expected, 1e-6);
  EXPECT_EQ(loss(one, one).item<double>(), 0);
  // Edges of ReLU6 that a step crosses.
  expect_gradient(loss, one, other, 1e-3, 0.05);
  one_line_error([&] { loss(one.narrow(2, 0, 60), other.narrow(2, 0, 60)); });
}

TEST(PerceptualLoss, RefusesOtherNamesAndPictures) {
  EXPECT_THROW(perceptual_loss("lpips"), UsageError);
  EXPECT_THROW(perceptual_loss("script:"), UsageError);
  const auto loss = perceptual_loss("pyramid");
  const auto pictures = noise({1, 3, 8, 8}, 16);
  one_line_error([&] { loss(pictures, noise({1, 3, 8, 9}, 1)); });
  one_line_error([&] { loss({}, pictures); });
  one_line_error([&] { loss(pictures[0], pictures[0]); });
  one_line_error([&] { loss(pictures.to(at::kByte), pictures); });
  EXPECT_THROW(pyramid_loss(pictures, pictures, 0), UsageError);
}

}  // namespace
}  // namespace neurosplat
