#include "neurosplat/metrics/cat_faces.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;

constexpr const char* kPlain = "haarcascade_frontalcatface.xml";
constexpr const char* kExtended = "haarcascade_frontalcatface_extended.xml";

std::optional<fs::path> cascades() {
  try {
    return cat_cascade_folder();
  } catch (const Error&) {
    return std::nullopt;
  }
}

class CatFaces : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = cascades();
    if (!folder_) GTEST_SKIP() << "needs OpenCV's cascades: Debian's opencv-data";
  }

  std::optional<fs::path> folder_;
};

/// Every `step`-th picture of the shared cats, float [N, 3, 64, 64]; nothing where there are none.
at::Tensor real_cats(std::size_t step) {
  const auto folder = testing::shared_folder("data/cat-faces-64/jpg");
  if (!folder) return {};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(*folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<at::Tensor> pictures;
  for (std::size_t k = 0; k < files.size(); k += step)
    pictures.push_back(read_picture(files[k]).to(at::kFloat) / 255.0);
  return at::stack(pictures);
}

double share(const at::Tensor& found) {
  return found.to(at::kDouble).mean().item<double>();
}

// With three neighbours .90 of 200 held-out pictures were found in Python's OpenCV; of 150 the
// standard error is .025.
TEST_F(CatFaces, AreFoundInRealCats) {
  const auto cats = real_cats(20);
  if (!cats.defined()) GTEST_SKIP() << "needs cat faces in ../shared/data/cat-faces-64/jpg";
  const CatFaceDetector detector(*folder_);
  const auto found = detector(cats);
  ASSERT_EQ(found.sizes(), at::IntArrayRef({cats.size(0)}));
  ASSERT_EQ(found.scalar_type(), at::kBool);
  EXPECT_NEAR(share(found), 0.90, 0.06);
  // Upside down, none should be; each on its own is judged as in a batch.
  EXPECT_LT(share(detector(cats.narrow(0, 0, 25).flip(2))), 0.15);
  for (const std::int64_t k : {0, 7})
    EXPECT_EQ(detector(cats.narrow(0, k, 1)).item<bool>(), found[k].item<bool>());
  // More agreement is asked for, fewer are found.
  const auto some = cats.narrow(0, 0, 25);
  EXPECT_LE(share(CatFaceDetector(*folder_, 12)(some)), share(detector(some)));
}

// A cat in red before its negative in blue: what grey they are depends on the weights of colours.
TEST_F(CatFaces, AreLookedForInGrey) {
  const auto cats = real_cats(75);
  if (!cats.defined()) GTEST_SKIP() << "needs cat faces in ../shared/data/cat-faces-64/jpg";
  const CatFaceDetector detector(*folder_);
  const auto levels = (cats.mean(1, /*keepdim=*/true) * 255).round() / 255;
  const auto agreement = [&](const at::Tensor& colour, double red, double blue) {
    const auto grey = red * levels + 0.587 * 127 / 255 + blue * (1.0 - levels);
    return share(detector(colour) == detector(grey.expand_as(colour).contiguous()));
  };
  const auto colour = at::cat({levels, at::full_like(levels, 127.0 / 255), 1.0 - levels}, 1);
  EXPECT_GT(agreement(colour, 0.299, 0.114), 0.95);
  EXPECT_LT(agreement(colour, 0.114, 0.299), 0.9);
}

TEST_F(CatFaces, AreNeitherInNoiseNorInFlatPictures) {
  const CatFaceDetector detector(*folder_);
  const auto generator = at::detail::createCPUGenerator(4);
  EXPECT_EQ(share(detector(at::rand({20, 3, 64, 64}, generator, at::kFloat))), 0);
  const auto levels = at::linspace(0, 1, 5).view({5, 1, 1, 1});
  EXPECT_EQ(share(detector(levels.expand({5, 3, 64, 64}))), 0);
}

TEST_F(CatFaces, AreFoundInLargerPicturesToo) {
  const auto cats = real_cats(150);
  if (!cats.defined()) GTEST_SKIP() << "needs cat faces in ../shared/data/cat-faces-64/jpg";
  const CatFaceDetector detector(*folder_);
  const auto larger = at::upsample_bicubic2d(cats, at::IntArrayRef({256, 256}), false).clamp(0, 1);
  EXPECT_NEAR(share(detector(larger)), share(detector(cats)), 0.1);
}

TEST_F(CatFaces, RefuseWhatIsNoPicture) {
  const CatFaceDetector detector(*folder_);
  one_line_error([&] { detector({}); });
  one_line_error([&] { detector(at::zeros({3, 64, 64})); });
  one_line_error([&] { detector(at::zeros({1, 1, 64, 64})); });
  one_line_error([&] { detector(at::zeros({0, 3, 64, 64})); });
  one_line_error([&] { detector(at::zeros({1, 3, 64, 64}, at::kByte)); });
  EXPECT_THROW(CatFaceDetector(*folder_, -1), UsageError);
}

TEST_F(CatFaces, RefuseCascadesThatAreNone) {
  const testing::TemporaryFolder folder;
  one_line_error([&] { CatFaceDetector{folder.path()}; });
  fs::copy_file(*folder_ / kPlain, folder / kPlain);
  one_line_error([&] { CatFaceDetector{folder.path()}; });
  std::ofstream(folder / kExtended) << "no cascade";
  one_line_error([&] { CatFaceDetector{folder.path()}; });
  std::ofstream(folder / kExtended) << "<?xml version=\"1.0\"?><opencv_storage></opencv_storage>";
  one_line_error([&] { CatFaceDetector{folder.path()}; });
  std::ifstream in(*folder_ / kExtended);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(folder / kExtended) << whole.substr(0, whole.size() / 2);
  one_line_error([&] { CatFaceDetector{folder.path()}; });
  std::ofstream(folder / kExtended) << whole;
  CatFaceDetector{folder.path()};
}

TEST(CatCascadeFolder, IsWhereTheEnvironmentSays) {
  const char* before = std::getenv("NEUROSPLAT_CASCADES");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("NEUROSPLAT_CASCADES", "/chosen", 1);
  EXPECT_EQ(cat_cascade_folder(), "/chosen");
  try {
    CatFaceDetector{cat_cascade_folder()};
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("opencv-data"), std::string::npos) << what;
    EXPECT_NE(what.find("/chosen"), std::string::npos) << what;
  }
  ::setenv("NEUROSPLAT_CASCADES", kept.c_str(), 1);
}

}  // namespace
}  // namespace neurosplat
