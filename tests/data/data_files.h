#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/data/picture_source.h"

/// What the tests of the sources build their data sets from.
namespace neurosplat::testing {

inline void write_text(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

struct Rgb {
  int red, green, blue;
};

/// A picture of one colour, in the format its extension names.
inline void write_picture(const std::filesystem::path& path, Rgb colour, int width = 24,
                          int height = 20) {
  std::filesystem::create_directories(path.parent_path());
  const cv::Mat picture(height, width, CV_8UC3, cv::Scalar(colour.blue, colour.green, colour.red));
  if (!cv::imwrite(path.string(), picture)) throw std::runtime_error("cannot write a picture");
}

inline std::vector<std::uint8_t> decoded(const PictureSource& source, std::int64_t index,
                                         std::int64_t side) {
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(3 * side * side), 0xcd);
  source.decode(index, side, planes.data());
  return planes;
}

/// Every pixel of a picture is of about that colour.
inline void expect_colour(const PictureSource& source, std::int64_t index, Rgb colour) {
  constexpr std::size_t side = 8;
  const auto planes = decoded(source, index, side);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const auto plane = i / (side * side);
    const int expected = plane == 0 ? colour.red : plane == 1 ? colour.green : colour.blue;
    ASSERT_NEAR(planes[i], expected, 4) << source.name(index) << " plane " << plane;
  }
}

inline std::vector<std::string> names(const PictureSource& source) {
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < source.size(); ++i) all.push_back(source.name(i));
  return all;
}

/// `work` throws an Error of one line that mentions each of `parts`.
template <class Work>
void expect_error(const Work& work, const std::vector<std::string>& parts) {
  try {
    work();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 500U) << message;
    for (const auto& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
    return;
  }
  ADD_FAILURE() << "no Error thrown";
}

}  // namespace neurosplat::testing
