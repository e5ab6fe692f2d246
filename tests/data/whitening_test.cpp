#include "neurosplat/data/whitening.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "data/area_reduction.h"
#include "data/data_files.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

// Uneven contrast, so that both sides of the normalisation's maximum are met.
at::Tensor noise_picture(std::int64_t height, std::int64_t width, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto contrast = at::linspace(0.05, 2, width, at::kDouble);
  return at::randn({height, width}, generator, at::kDouble) * contrast + 3;
}

std::string name_of(const WhiteningOptions& options, int number) {
  return text(options.mirrored ? 1 : 0, ",", options.cutoff, ",", options.neighbourhood, ",",
              options.spread, ",", options.border, ",", number);
}

TEST(Whitening, AgreesWithNumPy) {
  const auto python = testing::python_with("numpy, safetensors");
  if (!python) GTEST_SKIP() << "needs numpy and safetensors in .venv: scripts/setup.sh";
  const testing::TemporaryFolder folder;
  TensorFile pictures, ours;
  int number = 0;
  for (const bool mirrored : {false, true})
    for (const auto& [height, width] : {std::pair{40, 40}, {37, 64}, {64, 37}, {41, 53}, {13, 90}})
      for (const auto& options :
           {WhiteningOptions{mirrored}, WhiteningOptions{mirrored, 0.25, 7, 1.5, 0}}) {
        const auto picture = noise_picture(height, width, 1 + static_cast<std::uint64_t>(number));
        const auto name = name_of(options, number++);
        pictures.tensors[name] = picture;
        ours.tensors[name] = whitened(picture, options);
      }
  write_safetensors(folder / "in", pictures);
  const auto script = testing::source_folder() / "tests/data/reference_whitening.py";
  const auto run = testing::run_command(
      {*python, script.string(), (folder / "in").string(), (folder / "out").string()});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto theirs = read_safetensors(folder / "out");
  ASSERT_EQ(theirs.tensors.size(), 20U);
  for (const auto& [name, expected] : theirs.tensors) {
    ASSERT_EQ(ours.tensors.at(name).sizes(), expected.sizes()) << name;
    EXPECT_LT((ours.tensors.at(name) - expected).abs().max().item<double>(), 1e-9) << name;
  }
}

TEST(Whitening, IgnoresBrightnessAndScale) {
  const auto picture = noise_picture(40, 50, 3);
  const auto expected = whitened(picture, {});
  for (const auto& [scale, offset] : {std::pair{1e-6, 0.0}, {1e6, 0.0}, {2.0, 100.0}})
    EXPECT_LT((whitened(picture * scale + offset, {}) - expected).abs().max().item<double>(), 1e-9);
  EXPECT_LT((whitened(-picture, {}) + expected).abs().max().item<double>(), 1e-12);
  EXPECT_LT((whitened(picture.t(), {}) - expected.t()).abs().max().item<double>(), 1e-10);
}

TEST(Whitening, GivesStandardScoresBeforeTheBorderGoes) {
  const auto picture = noise_picture(50, 45, 4);
  const auto whole = whitened(picture, {.border = 0});
  EXPECT_NEAR(whole.mean().item<double>(), 0, 1e-12);
  EXPECT_NEAR(whole.std().item<double>(), 1, 1e-12);
  const auto cut = whitened(picture, {.border = 6});
  EXPECT_TRUE(cut.equal(whole.narrow(0, 6, 38).narrow(1, 6, 33)));
  EXPECT_TRUE(cut.is_contiguous());
}

TEST(Whitening, RefusesWhatHasNoContrast) {
  for (const bool mirrored : {false, true}) {
    const WhiteningOptions options{.mirrored = mirrored};
    testing::expect_error(
        [&] {
          whitened(at::full({40, 40}, 0.3, at::kDouble), options);
        },
        {"same everywhere"});
    testing::expect_error(
        [&] {
          whitened(at::zeros({40, 40}, at::kDouble), options);
        },
        {"same everywhere"});
  }
}

TEST(Whitening, RefusesOtherThings) {
  testing::expect_error([] { whitened(noise_picture(12, 40, 1), {}); }, {"13x13", "40x12"});
  testing::expect_error([] { whitened(noise_picture(40, 40, 1), {.border = 20}); }, {"41x41"});
  EXPECT_NO_THROW(whitened(noise_picture(13, 13, 1), {.border = 6}));
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto picture = noise_picture(40, 40, 1);
    picture[7][9] = bad;
    testing::expect_error([&] { whitened(picture, {}); }, {"finite"});
  }
  testing::expect_error([] { whitened(noise_picture(40, 40, 1).to(at::kFloat), {}); }, {"float64"});
  testing::expect_error([] { whitened(noise_picture(40, 40, 1)[0], {}); }, {"[H, W]"});
  const auto picture = noise_picture(40, 40, 1);
  for (const WhiteningOptions& options :
       {WhiteningOptions{.cutoff = 0}, WhiteningOptions{.neighbourhood = 12},
        WhiteningOptions{.neighbourhood = 1}, WhiteningOptions{.spread = -1},
        WhiteningOptions{.border = -1}})
    EXPECT_THROW(whitened(picture, options), UsageError);
}

TEST(AreaReduction, IsTheMeanOverWhatAPixelCovers) {
  auto generator = at::detail::createCPUGenerator(6);
  const auto picture = at::rand({30, 50}, generator, at::kFloat);
  // 50 to 20 and 30 to 12: each old pixel as 2 x 2, each new one as the mean of 5 x 5 of those.
  const auto fine = picture.to(at::kDouble).repeat_interleave(2, 0).repeat_interleave(2, 1);
  const auto expected = fine.view({12, 5, 20, 5}).mean({1, 3});
  const auto reduced = reduced_by_area(picture, 20);
  ASSERT_EQ(reduced.sizes(), expected.sizes());
  EXPECT_LT((reduced - expected).abs().max().item<double>(), 1e-12);
  EXPECT_LT((reduced_by_area(picture.t(), 20) - expected.t()).abs().max().item<double>(), 1e-12);
}

TEST(AreaReduction, KeepsMeansAndSmallPictures) {
  auto generator = at::detail::createCPUGenerator(7);
  const auto picture = at::rand({31, 53}, generator, at::kFloat);
  EXPECT_TRUE(reduced_by_area(picture, 53).equal(picture.to(at::kDouble)));
  for (const std::int64_t side : {52, 40, 17, 3, 1}) {
    const auto reduced = reduced_by_area(picture, side);
    EXPECT_EQ(reduced.size(1), side);
    EXPECT_EQ(reduced.size(0),
              std::max<std::int64_t>(1, std::llround(31.0 * static_cast<double>(side) / 53)));
    EXPECT_NEAR(reduced.mean().item<double>(), picture.to(at::kDouble).mean().item<double>(),
                1e-12);
  }
}

}  // namespace
}  // namespace neurosplat
