// Patches of pictures: natural and synthetic.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "data/data_files.h"
#include "data/noise_pictures.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/patch_set.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_apart;
using testing::expect_error;
using testing::expect_standard;
using testing::Origins;
using testing::TemporaryFolder;
using testing::write_noise;

class NaturalPatches : public ::testing::Test {
 protected:
  NaturalPatches() {
    for (unsigned i = 0; i < 5; ++i) add("natural-images/bsds/b", i, 200 + i);
    for (unsigned i = 0; i < 6; ++i) add("kodak/k", i, 300 + i);
    for (unsigned i = 0; i < 40; ++i) add("flowers-102/jpg/f", i, 400 + i);
    const auto deep = root_ / "natural-images/vanhateren/v.png";
    write_noise(deep, 500, 56, 56, CV_16U);
    origins_.add(deep, 16);
    request_.root = root_.path();
  }

  void add(const std::string& start, unsigned i, unsigned seed) {
    const auto path = root_ / text(start, i, ".png");
    write_noise(path, seed);
    origins_.add(path, 16);
  }

  static std::map<char, int> pictures(const std::map<std::string, int>& counts) {
    std::map<char, int> of_group;
    for (const auto& [name, count] : counts) ++of_group[name[0]];
    return of_group;
  }

  TemporaryFolder root_;
  PatchRequest request_;
  Origins origins_;
};

TEST_F(NaturalPatches, TakesAllOfThreeSetsAndFlowersAsNeeded) {
  request_.patches = 12 * 9 + 10 * 9;
  const auto set = open_patches(request_);
  expect_standard(set);
  const auto train = origins_.counts(set.train), validation = origins_.counts(set.validation);
  expect_apart(train, validation);
  EXPECT_EQ(pictures(train), (std::map<char, int>{{'b', 4}, {'k', 5}, {'v', 1}, {'f', 8}}));
  EXPECT_EQ(pictures(validation), (std::map<char, int>{{'b', 1}, {'k', 1}, {'f', 2}}));
  for (const auto* part : {"198 whitened", "bsds 5", "kodak 6", "vanhateren 1", "flowers 10"})
    EXPECT_NE(set.description.find(part), std::string::npos) << set.description;
  request_.seed = 1;
  const auto other = open_patches(request_);
  EXPECT_NE(origins_.counts(other.train), train);  // other flowers too
}

TEST_F(NaturalPatches, LeavesOutFlowersWhereEnoughIsThere) {
  request_.patches = 60;
  const auto set = open_patches(request_);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 60);
  EXPECT_EQ(set.description.find("flowers"), std::string::npos) << set.description;
}

TEST_F(NaturalPatches, TakesWhatIsThere) {
  const auto whole = open_patches(request_);
  EXPECT_EQ(whole.train.size(0) + whole.validation.size(0), 52 * 9);
  EXPECT_NE(whole.description.find("no more are there of the 128,955"), std::string::npos)
      << whole.description;
  fs::remove_all(root_ / "kodak");
  fs::remove_all(root_ / "flowers-102");
  const auto part = open_patches(request_);
  EXPECT_EQ(part.train.size(0), 5 * 9);
  EXPECT_EQ(part.validation.size(0), 9);
  fs::remove_all(root_ / "natural-images/bsds");
  expect_error([&] { open_patches(request_); }, {"two pictures"});
}

TEST(NaturalPatchesOfPhotographs, AreTakenOfRealFiles) {
  const auto shared = testing::shared_folder("data");
  if (!shared || !fs::exists(*shared / "kodak"))
    GTEST_SKIP() << "needs the photographs of ../shared/data/kodak and its neighbours";
  const TemporaryFolder root;
  for (const std::string name :
       {"kodak/kodim01.png", "kodak/kodim02.png", "natural-images/bsds/100001.jpg"}) {
    const auto source = *shared / name;
    if (!fs::exists(source)) continue;
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(source, root / name);
  }
  // 768 x 512 without borders is 760 x 504: 47 x 31 patches.
  const auto all = open_patches({.root = root.path(), .validation = 0.5, .least_deviation = 0});
  EXPECT_EQ(all.train.size(0), 47 * 31);
  EXPECT_EQ(all.validation.size(0), 47 * 31);
  const auto set = open_patches({.root = root.path(), .validation = 0.5});
  EXPECT_LT(set.train.size(0), 47 * 31);
  EXPECT_GT(set.train.size(0), 1300);
  expect_standard(set);
  EXPECT_NEAR(set.validation.std().item<double>(), 1, 0.15);
  EXPECT_LT(all.train.std(1).min().item<double>(), 0.05);
  EXPECT_GT(set.train.std(1).min().item<double>(), 0.05);
}

TEST(SyntheticPatches, AreQuickSeededAndStandard) {
  const auto set = open_patches({.dataset = "synthetic", .patches = 1500});
  expect_standard(set);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 1500);
  EXPECT_NEAR(static_cast<double>(set.validation.size(0)), 300, 60);
  EXPECT_TRUE(at::isfinite(set.train).all().item<bool>());
  EXPECT_GT(set.train.std(1).min().item<double>(), 1e-3);
  const auto again = open_patches({.dataset = "synthetic", .patches = 1500});
  EXPECT_TRUE(again.train.equal(set.train));
  EXPECT_EQ(again.hash, set.hash);
  const auto other = open_patches({.dataset = "synthetic", .patches = 1500, .seed = 5});
  EXPECT_NE(other.hash, set.hash);
  EXPECT_FALSE(other.train.narrow(0, 0, 9).equal(set.train.narrow(0, 0, 9)));
}

TEST(SyntheticPatches, AreAtMostTwentyThousand) {
  const auto set = open_patches({.dataset = "synthetic", .side = 4, .patches = 30000});
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 20000);
  EXPECT_NE(set.description.find("of the 30,000"), std::string::npos) << set.description;
}

// Neighbours of whitened pictures with edges go together in groups, which noise that is whitened
// does not: its numbers are normal. Kurtosis of n = 384,000 numbers, were they independent and
// normal: 3 with a standard error of sqrt(24 / n) = .008.
TEST(SyntheticPatches, HaveHeavyTailsAsPicturesHave) {
  const auto set = open_patches({.dataset = "synthetic", .patches = 1500});
  const auto fourth = set.train.to(at::kDouble).pow(4).mean().item<double>();
  EXPECT_GT(fourth, 3.5);
}

}  // namespace
}  // namespace neurosplat
