#include "neurosplat/io/image_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;
using testing::TemporaryFolder;
using Bytes = std::vector<std::uint8_t>;

void put(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

Bytes encoded(const cv::Mat& picture, const std::string& extension) {
  Bytes bytes;
  cv::imencode(extension, picture, bytes);
  return bytes;
}

// Smooth, each channel different, every pixel known: what OpenCV calls (B, G, R).
cv::Mat gradient(int height, int width) {
  cv::Mat picture(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      picture.at<cv::Vec3b>(y, x) = {static_cast<std::uint8_t>(200 - 2 * x),
                                     static_cast<std::uint8_t>(3 * y),
                                     static_cast<std::uint8_t>(40 + x + y)};
  return picture;
}

void expect_gradient(const at::Tensor& picture, int height, int width, int tolerance) {
  ASSERT_EQ(picture.scalar_type(), at::kByte);
  ASSERT_EQ(picture.sizes(), at::IntArrayRef({3, height, width}));
  const auto values = picture.accessor<std::uint8_t, 3>();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      ASSERT_NEAR(values[0][y][x], 40 + x + y, tolerance) << y << " " << x;
      ASSERT_NEAR(values[1][y][x], 3 * y, tolerance) << y << " " << x;
      ASSERT_NEAR(values[2][y][x], 200 - 2 * x, tolerance) << y << " " << x;
    }
}

TEST(ReadPicture, ReadsEveryFormat) {
  const TemporaryFolder folder;
  for (const auto& [name, tolerance] :
       {std::pair{"a.png", 0}, {"b.bmp", 0}, {"c.jpg", 8}, {"d.webp", 8}}) {
    SCOPED_TRACE(name);
    put(folder / name, encoded(gradient(48, 64), fs::path(name).extension().string()));
    expect_gradient(read_picture(folder / name), 48, 64, tolerance);
  }
}

TEST(ReadPicture, GoesByContentNotByName) {
  const TemporaryFolder folder;
  put(folder / "really_png.jpg", encoded(gradient(8, 9), ".png"));
  expect_gradient(read_picture(folder / "really_png.jpg"), 8, 9, 0);
}

TEST(ReadPicture, ConvertsGreyDeepAndTransparent) {
  const TemporaryFolder folder;
  cv::Mat grey(2, 3, CV_8UC1);
  for (int i = 0; i < 6; ++i) grey.data[i] = static_cast<std::uint8_t>(40 * i);
  put(folder / "grey.png", encoded(grey, ".png"));
  const auto plane = at::arange(0, 240, 40).to(at::kByte).view({1, 2, 3});
  EXPECT_TRUE(read_picture(folder / "grey.png").equal(plane.expand({3, 2, 3})));

  const cv::Mat deep(2, 3, CV_16UC3, cv::Scalar(257 * 10, 257 * 100, 65535));
  put(folder / "deep.png", encoded(deep, ".png"));
  const auto levels = at::tensor({255, 100, 10}, at::kByte).view({3, 1, 1}).expand({3, 2, 3});
  EXPECT_TRUE(read_picture(folder / "deep.png").equal(levels));

  const cv::Mat clear(2, 3, CV_8UC4, cv::Scalar(10, 100, 255, 0));
  put(folder / "clear.png", encoded(clear, ".png"));
  EXPECT_TRUE(read_picture(folder / "clear.png").equal(levels));
}

// A JPEG that says it was taken with the camera turned: EXIF orientation 6, a quarter turn
// clockwise to stand upright.
TEST(ReadPicture, TurnsUpright) {
  const TemporaryFolder folder;
  auto bytes = encoded(gradient(32, 48), ".jpg");
  const Bytes exif = {0xFF, 0xE1, 0,    34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
                      1,    0,    0x12, 1,  3,   0,   1,   0,   0, 0, 6,   0,   0,  0, 0, 0, 0, 0};
  bytes.insert(bytes.begin() + 2, exif.begin(), exif.end());
  put(folder / "turned.jpg", bytes);
  const auto turned = read_picture(folder / "turned.jpg");
  ASSERT_EQ(turned.sizes(), at::IntArrayRef({3, 48, 32}));
  expect_gradient(turned.flip(2).transpose(1, 2), 32, 48, 8);
}

// The decoder would say "iCCP: ..." on standard error; the profile here is four letters.
TEST(ReadPicture, IsSilentAboutColourProfiles) {
  const TemporaryFolder folder;
  auto bytes = encoded(gradient(8, 9), ".png");
  const Bytes profile = {0,   0,   0,   4,   'i',  'C',  'C',  'P',
                         'n', 'o', 'n', 'e', 0x30, 0x6E, 0x63, 0xC7};
  bytes.insert(bytes.begin() + 33, profile.begin(), profile.end());
  put(folder / "profile.png", bytes);
  ::testing::internal::CaptureStderr();
  expect_gradient(read_picture(folder / "profile.png"), 8, 9, 0);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ReadPicture, AJpegMayCarryMoreAfterItsEnd) {
  const TemporaryFolder folder;
  auto bytes = encoded(gradient(16, 16), ".jpg");
  bytes.insert(bytes.end(), 100, std::uint8_t{7});
  put(folder / "motion.jpg", bytes);
  expect_gradient(read_picture(folder / "motion.jpg"), 16, 16, 8);
}

TEST(ReadPicture, RefusesWhatIsNoPictureInOneLineAndSilently) {
  const TemporaryFolder folder;
  const std::string words = "this is a letter, not a picture\nsecond line";
  put(folder / "text.jpg", Bytes(words.begin(), words.end()));
  put(folder / "empty.png", {});
  fs::create_directory(folder / "folder.png");
  put(folder / "mark.jpg", {0xFF, 0xD8, 0xFF});
  put(folder / "mark.png", {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
  put(folder / "mark.bmp", {'B', 'M'});
  put(folder / "mark.webp", {'R', 'I', 'F', 'F', 4, 0, 0, 0, 'W', 'E', 'B', 'P'});
  ::testing::internal::CaptureStderr();
  for (const auto* name : {"text.jpg", "empty.png", "folder.png", "missing.jpg", "mark.jpg",
                           "mark.png", "mark.bmp", "mark.webp"}) {
    const auto message = one_line_error([&] { read_picture(folder / name); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// A picture cut anywhere is refused before a decoder sees it and fills the rest with grey.
TEST(ReadPicture, RefusesCutPictures) {
  const TemporaryFolder folder;
  ::testing::internal::CaptureStderr();
  for (const std::string extension : {".jpg", ".png", ".bmp", ".webp"}) {
    const auto whole = encoded(gradient(40, 40), extension);
    for (const double part : {0.02, 0.3, 0.7, 0.95, 1.0}) {
      const auto kept = static_cast<std::size_t>(part * static_cast<double>(whole.size() - 1));
      put(folder / "cut", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept)));
      EXPECT_NE(one_line_error([&] { read_picture(folder / "cut"); }), "")
          << extension << " " << kept << " of " << whole.size();
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ReadPicture, RefusesDamagedPng) {
  const TemporaryFolder folder;
  const auto whole = encoded(gradient(40, 40), ".png");
  ::testing::internal::CaptureStderr();
  for (std::size_t at = 8; at < whole.size(); at += 7) {
    auto bytes = whole;
    bytes[at] ^= 0x10U;
    put(folder / "damaged.png", bytes);
    EXPECT_NE(one_line_error([&] { read_picture(folder / "damaged.png"); }), "") << at;
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// A few bytes that claim a picture of many gigabytes.
TEST(ReadPicture, RefusesHugeClaims) {
  const TemporaryFolder folder;
  auto jpeg = encoded(gradient(16, 16), ".jpg");
  for (std::size_t at = 0; at + 9 < jpeg.size(); ++at)
    if (jpeg[at] == 0xFF && jpeg[at + 1] == 0xC0)
      std::fill_n(jpeg.begin() + static_cast<std::ptrdiff_t>(at) + 5, 4, std::uint8_t{0xFF});
  put(folder / "huge.jpg", jpeg);
  auto bitmap = encoded(gradient(16, 16), ".bmp");
  bitmap[20] = bitmap[24] = 1;
  bitmap[30] = 1;
  put(folder / "huge.bmp", bitmap);
  EXPECT_NE(one_line_error([&] { read_picture(folder / "huge.jpg"); }).find("65535x65535"),
            std::string::npos);
  EXPECT_NE(one_line_error([&] { read_picture(folder / "huge.bmp"); }).find("65552x65552"),
            std::string::npos);
}

TEST(CentreSquare, AveragesTheMiddleWhenShrinking) {
  const auto picture = at::randint(256, {3, 12, 26}, at::kByte);
  // The middle 12 x 12, then the mean of each 3 x 3 block.
  const auto blocks = picture.narrow(2, 7, 12).to(at::kDouble).view({3, 4, 3, 4, 3}).mean({2, 4});
  const auto square = centre_square(picture, 4);
  ASSERT_EQ(square.sizes(), at::IntArrayRef({3, 4, 4}));
  EXPECT_LE((square.to(at::kDouble) - blocks).abs().max().item<double>(), 0.5 + 1e-9);
  EXPECT_TRUE(centre_square(picture.transpose(1, 2), 4).equal(square.transpose(1, 2)));
}

TEST(CentreSquare, InterpolatesWhenEnlargingAndCopiesOtherwise) {
  const auto picture = at::randint(256, {3, 9, 8}, at::kByte);
  EXPECT_TRUE(centre_square(picture, 8).equal(picture.narrow(1, 0, 8)));
  const auto small = at::tensor({0, 100, 0, 100}, at::kByte).view({1, 2, 2}).expand({3, 2, 2});
  const auto row = at::tensor({0, 25, 75, 100}, at::kByte).view({1, 1, 4}).expand({3, 4, 4});
  EXPECT_TRUE(centre_square(small, 4).equal(row));
}

TEST(CentreSquare, RefusesOtherThings) {
  one_line_error([] { centre_square(at::zeros({3, 4, 4}), 4); });
  one_line_error([] { centre_square(at::zeros({1, 4, 4}, at::kByte), 4); });
  one_line_error([] { centre_square(at::zeros({3, 0, 4}, at::kByte), 4); });
  one_line_error([] { centre_square(at::zeros({3, 4, 4}, at::kByte), 0); });
}

TEST(GreySquare, IsTheBrightnessOfTheCentre) {
  auto picture = at::zeros({3, 4, 6}, at::kByte);
  picture[0].fill_(200);
  picture[1].fill_(100);
  picture[2].fill_(50);
  picture.narrow(2, 0, 1).fill_(255);  // outside the centre square
  const auto grey = grey_square(picture, 2);
  ASSERT_EQ(grey.sizes(), at::IntArrayRef({2, 2}));
  EXPECT_EQ(grey.scalar_type(), at::kDouble);
  const double expected = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255.0;
  EXPECT_LT((grey - expected).abs().max().item<double>(), 1e-12);
}

TEST(DecodeCentreSquare, IsReadingThenCroppingThenScaling) {
  const TemporaryFolder folder;
  put(folder / "a.png", encoded(gradient(60, 40), ".png"));
  const auto whole = read_picture(folder / "a.png");
  const auto decoded = [&](std::int64_t side, std::int64_t first_crop) {
    auto planes = at::zeros({3, side, side}, at::kByte);
    decode_centre_square(folder / "a.png", side, planes.data_ptr<std::uint8_t>(), first_crop);
    return planes;
  };
  EXPECT_TRUE(decoded(16, 0).equal(centre_square(whole, 16)));
  EXPECT_TRUE(decoded(16, 500).equal(centre_square(whole, 16)));
  EXPECT_TRUE(decoded(20, 20).equal(whole.narrow(1, 20, 20).narrow(2, 10, 20)));
}

TEST(WritePng, RoundsAndClamps) {
  const TemporaryFolder folder;
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto picture =
      at::tensor({-1.0F, 0.5F / 255, 0.51F / 255, 254.49F / 255, 2.0F, nan}).view({1, 2, 3});
  write_png(folder / "a.png", picture.expand({3, 2, 3}));
  const auto levels = at::tensor({0, 0, 1, 254, 255, 0}, at::kByte).view({1, 2, 3});
  EXPECT_TRUE(read_picture(folder / "a.png").equal(levels.expand({3, 2, 3})));
  const auto random = at::randint(256, {3, 7, 5}, at::kByte);
  write_png(folder / "b.png", random.to(at::kDouble) / 255.0);
  EXPECT_TRUE(read_picture(folder / "b.png").equal(random));
}

TEST(WritePng, RefusesOtherThings) {
  const TemporaryFolder folder;
  one_line_error([&] { write_png(folder / "a.png", at::zeros({3, 2, 2}, at::kByte)); });
  one_line_error([&] { write_png(folder / "a.png", at::zeros({2, 2})); });
  one_line_error([&] { write_png(folder / "a.png", at::zeros({3, 0, 2})); });
  one_line_error([&] { write_png(folder / "none" / "a.png", at::zeros({3, 2, 2})); });
  EXPECT_FALSE(fs::exists(folder / "a.png"));
}

}  // namespace
}  // namespace neurosplat
