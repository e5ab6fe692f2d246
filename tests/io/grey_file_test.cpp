// read_grey_levels and read_linear_grey of image_file.h.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "io/one_line.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

class GreyFile : public ::testing::Test {
 protected:
  std::filesystem::path put(const cv::Mat& picture, const std::string& name = "a.png") {
    cv::imwrite((folder_ / name).string(), picture);
    return folder_ / name;
  }

  testing::TemporaryFolder folder_;
};

// Every level of 16 bits comes through: the neighbours of 8-bit levels too.
TEST_F(GreyFile, KeepsSixteenBits) {
  cv::Mat picture(256, 256, CV_16UC1);
  for (int i = 0; i < 65536; ++i)
    picture.at<std::uint16_t>(i / 256, i % 256) = static_cast<std::uint16_t>(i);
  const auto path = put(picture);
  const auto expected = at::arange(65536, at::kDouble).div(65535).view({256, 256});
  for (const auto& grey : {read_grey_levels(path), read_linear_grey(path)}) {
    ASSERT_EQ(grey.scalar_type(), at::kFloat);
    ASSERT_EQ(grey.sizes(), at::IntArrayRef({256, 256}));
    EXPECT_LT((grey.to(at::kDouble) - expected).abs().max().item<double>(), 1e-7);
  }
}

TEST_F(GreyFile, TakesEightBitsByTheirOwnDepth) {
  cv::Mat picture(1, 256, CV_8UC1);
  for (int i = 0; i < 256; ++i) picture.at<std::uint8_t>(0, i) = static_cast<std::uint8_t>(i);
  const auto path = put(picture);
  const auto levels = at::arange(256, at::kDouble).div(255).view({1, 256});
  EXPECT_LT((read_grey_levels(path) - levels).abs().max().item<double>(), 1e-7);
  const auto tensor = read_linear_grey(path);
  // sRGB's curve; level 10 lies on its straight part.
  EXPECT_NEAR(tensor[0][10].item<double>(), 10 / 255.0 / 12.92, 1e-7);
  EXPECT_NEAR(tensor[0][128].item<double>(), 0.2158605, 1e-6);
  EXPECT_NEAR(tensor[0][188].item<double>(), 0.5028865, 1e-6);
  EXPECT_EQ(tensor[0][0].item<double>(), 0.0);
  EXPECT_EQ(tensor[0][255].item<double>(), 1.0);
}

TEST_F(GreyFile, WeighsColours) {
  const auto eight = put(cv::Mat(2, 3, CV_8UC3, cv::Scalar(50, 100, 200)));  // blue first
  const double brightness = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255;
  EXPECT_NEAR(read_grey_levels(eight)[1][2].item<double>(), brightness, 1e-6);
  const auto linear = [](double level) { return std::pow((level / 255 + 0.055) / 1.055, 2.4); };
  const double luminance = 0.2126 * linear(200) + 0.7152 * linear(100) + 0.0722 * linear(50);
  EXPECT_NEAR(read_linear_grey(eight)[1][2].item<double>(), luminance, 1e-6);

  const auto deep = put(cv::Mat(2, 3, CV_16UC3, cv::Scalar(5000, 10001, 60000)));
  EXPECT_NEAR(read_grey_levels(deep)[0][0].item<double>(),
              (0.299 * 60000 + 0.587 * 10001 + 0.114 * 5000) / 65535, 1e-6);
  EXPECT_NEAR(read_linear_grey(deep)[0][0].item<double>(),
              (0.2126 * 60000 + 0.7152 * 10001 + 0.0722 * 5000) / 65535, 1e-6);

  const auto white = put(cv::Mat(2, 3, CV_8UC3, cv::Scalar(255, 255, 255)));
  EXPECT_EQ(read_grey_levels(white).max().item<double>(), 1.0);
  EXPECT_EQ(read_linear_grey(white).max().item<double>(), 1.0);
}

TEST_F(GreyFile, KeepsRowsAndColumnsAndDropsAlpha) {
  cv::Mat picture(3, 5, CV_8UC4, cv::Scalar(0, 0, 0, 7));
  picture.at<cv::Vec4b>(2, 4) = {255, 255, 255, 9};
  const auto grey = read_grey_levels(put(picture));
  ASSERT_EQ(grey.sizes(), at::IntArrayRef({3, 5}));
  EXPECT_EQ(grey[2][4].item<double>(), 1.0);
  EXPECT_EQ(grey.sum().item<double>(), 1.0);
}

TEST_F(GreyFile, RefusesWhatReadPictureRefuses) {
  const auto path = put(cv::Mat(40, 40, CV_16UC1, cv::Scalar(3)));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  for (const auto& bad : {path, folder_ / "missing.png", folder_.path()}) {
    for (const auto& read : {read_grey_levels, read_linear_grey})
      EXPECT_NE(one_line_error([&] { read(bad); }).find(bad.string()), std::string::npos);
  }
}

TEST(GreyFileOfVanHateren, SpansItsSixteenBits) {
  const auto folder = testing::shared_folder("data/natural-images/vanhateren");
  if (!folder)
    GTEST_SKIP() << "needs the 16-bit picture in ../shared/data/natural-images/vanhateren";
  const auto grey = read_grey_levels(*folder / "vanhateren_one.png");
  EXPECT_EQ(grey.sizes(), at::IntArrayRef({1024, 1536}));
  EXPECT_NEAR(grey.min().item<double>() * 65535, 88, 0.01);
  EXPECT_NEAR(grey.max().item<double>() * 65535, 7828, 0.01);
}

}  // namespace
}  // namespace neurosplat
