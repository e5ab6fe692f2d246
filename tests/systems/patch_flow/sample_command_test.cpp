// `neurosplat-sample patch-flow` as a user meets it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

class SamplePatchFlow : public ::testing::Test {
 protected:
  void SetUp() override {
    save_patch_flow(folder_ / "model.safetensors",
                    PatchFlow({.image_size = 16, .width = 16, .depth = 1, .heads = 1, .hidden = 8}),
                    {});
    save_patch_flow(
        folder_ / "pixels.safetensors",
        PatchFlow(
            {.image_size = 16, .width = 16, .depth = 1, .heads = 1, .hidden = 8, .head = "pixels"}),
        {});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  testing::Finished sample(const std::vector<std::string>& more,
                           const std::string& model = "model.safetensors") const {
    std::vector<std::string> all = {testing::program("neurosplat-sample"),
                                    "patch-flow",
                                    "--model",
                                    path(model),
                                    "--threads",
                                    "1",
                                    "--steps",
                                    "4"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  static void expect_refusal(const testing::Finished& run, int status, const std::string& part) {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(SamplePatchFlow, DrawsAGridOrAFileForEach) {
  const auto grid = sample({"--count", "3", "--columns", "2", "--out", path("grid.png")});
  ASSERT_EQ(grid.status, 0) << grid.errors;
  const auto sheet = read_picture(folder_ / "grid.png");
  EXPECT_EQ(sheet.sizes(), at::IntArrayRef({3, 38, 38}));
  const auto files = sample({"--count", "3", "--out", path("each")});
  ASSERT_EQ(files.status, 0) << files.errors;
  const auto second = read_picture(folder_ / "each" / "sample_00001.png");
  EXPECT_TRUE(second.equal(sheet.narrow(1, 2, 16).narrow(2, 20, 16)));
  EXPECT_TRUE(fs::exists(folder_ / "each" / "sample_00002.png"));
  EXPECT_FALSE(fs::exists(folder_ / "each" / "sample_00003.png"));
}

TEST_F(SamplePatchFlow, ScalesSplatsToAnySizeThatPatchesDivide) {
  ASSERT_EQ(sample({"--count", "1", "--size", "64", "--out", path("large.png")}).status, 0);
  EXPECT_EQ(read_picture(folder_ / "large.png").sizes(), at::IntArrayRef({3, 68, 68}));
  expect_refusal(sample({"--size", "63", "--out", path("x.png")}), 2,
                 "size: expected a multiple of 2 pixels");
  expect_refusal(sample({"--size", "64", "--out", path("x.png")}, "pixels.safetensors"), 2,
                 "the model gives pixels");
}

TEST_F(SamplePatchFlow, DrawsStripsAndLines) {
  ASSERT_EQ(
      sample({"--mode", "strip", "--count", "2", "--steps", "8", "--out", path("s.png")}).status,
      0);
  // Noise and two rows of what is foretold.
  EXPECT_EQ(read_picture(folder_ / "s.png").sizes(), at::IntArrayRef({3, 3 * 18 + 2, 38}));
  ASSERT_EQ(sample({"--mode", "interpolate", "--count", "3", "--out", path("l.png")}).status, 0);
  EXPECT_EQ(read_picture(folder_ / "l.png").sizes(), at::IntArrayRef({3, 20, 56}));
}

TEST_F(SamplePatchFlow, BeginsWithASketch) {
  write_png(folder_ / "red.png", at::tensor({1.0F, 0.0F, 0.0F}).view({3, 1, 1}).expand({3, 9, 9}));
  const auto run = sample(
      {"--sketch", path("red.png"), "--start", "0.5", "--count", "1", "--out", path("a.png")});
  ASSERT_EQ(run.status, 0) << run.errors;
  expect_refusal(sample({"--start", "0.5", "--out", path("b.png")}), 2, "expected --sketch");
}

TEST_F(SamplePatchFlow, RefusesBadOptionsOnOneLine) {
  expect_refusal(sample({"--count", "0", "--out", path("x.png")}), 2, "count: expected 1");
  expect_refusal(sample({"--shift", "0", "--out", path("x.png")}), 2, "shift: expected above 0");
  expect_refusal(sample({"--solver", "rk4", "--out", path("x.png")}), 2, "expected euler or heun");
  expect_refusal(sample({"--out", path("x.png")}, "nothing.safetensors"), 1, "nothing.safetensors");
  expect_refusal(sample({"--out", path("model.safetensors")}), 2, "model");
  EXPECT_FALSE(fs::exists(folder_ / "x.png"));
}

}  // namespace
}  // namespace neurosplat
