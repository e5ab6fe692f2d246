// Patches of pictures: natural, folder, synthetic.
#include "neurosplat/data/patch_set.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <set>
#include <string>

#include "data/data_files.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/whitening.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::TemporaryFolder;

// A picture of noise that no other seed gives.
void write_noise(const fs::path& path, unsigned seed, int width = 56, int height = 56,
                 int depth = CV_8U) {
  fs::create_directories(path.parent_path());
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
std::vector<Patch> patches_in(const fs::path& file, std::int64_t side, bool mirrored = false) {
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
  void add(const fs::path& file, std::int64_t side, bool mirrored = false) {
    for (const auto& patch : patches_in(file, side, mirrored)) {
      known_.emplace(signature(at::tensor(patch, at::kDouble)), file.filename().string());
      raw_.insert(raw_.end(), patch.begin(), patch.end());
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
  std::vector<double> raw_;
};

void expect_apart(const std::map<std::string, int>& train,
                  const std::map<std::string, int>& validation) {
  EXPECT_FALSE(train.contains("unknown"));
  EXPECT_FALSE(validation.contains("unknown"));
  for (const auto& [name, count] : validation) EXPECT_FALSE(train.contains(name)) << name;
}

void expect_standard(const PatchSet& set) {
  const auto train = set.train.to(at::kDouble);
  EXPECT_NEAR(train.mean().item<double>(), 0, 1e-6);
  EXPECT_NEAR(train.std(/*unbiased=*/false).item<double>(), 1, 1e-6);
  EXPECT_EQ(set.train.scalar_type(), at::kFloat);
  EXPECT_EQ(set.validation.scalar_type(), at::kFloat);
  EXPECT_FALSE(set.train_labels.defined());
  EXPECT_FALSE(set.unit_range);
}

class FolderPatches : public ::testing::Test {
 protected:
  FolderPatches() {
    for (unsigned i = 0; i < 10; ++i) write_noise(file(i), 100 + i);
    request_.dataset = "folder";
    request_.root = root_.path();
    request_.patches = 1000;
  }

  fs::path file(unsigned i) const {
    return root_ / (i % 2 == 0 ? text("p", i, ".png") : text("deep/er/p", i, ".png"));
  }

  Origins origins() const {
    Origins all;
    for (unsigned i = 0; i < 10; ++i) all.add(file(i), request_.side);
    return all;
  }

  TemporaryFolder root_;
  PatchRequest request_;
};

// 56 pixels are 48 without borders, 3 x 3 patches of 16.
TEST_F(FolderPatches, TakesEveryPatchOnceAndNoPictureTwice) {
  const auto set = open_patches(request_);
  expect_standard(set);
  EXPECT_EQ(set.side, 16);
  EXPECT_EQ(set.train.sizes(), at::IntArrayRef({72, 256}));
  EXPECT_EQ(set.validation.sizes(), at::IntArrayRef({18, 256}));
  const auto all = origins();
  const auto train = all.counts(set.train), validation = all.counts(set.validation);
  expect_apart(train, validation);
  EXPECT_EQ(train.size(), 8U);
  EXPECT_EQ(validation.size(), 2U);
  for (const auto& [name, count] : train) EXPECT_EQ(count, 9) << name;
  EXPECT_NE(set.description.find("90 whitened patches of 16x16 px of 10 pictures"),
            std::string::npos)
      << set.description;
  EXPECT_NE(set.description.find("no more are there of the 1,000"), std::string::npos)
      << set.description;
}

TEST_F(FolderPatches, StandardisesAllByTheMomentsOfTraining) {
  const auto set = open_patches(request_);
  const auto all = origins();
  std::vector<double> training;
  std::map<std::string, std::vector<Patch>> of_file;
  const auto train = all.counts(set.train);
  for (unsigned i = 0; i < 10; ++i) {
    const auto name = file(i).filename().string();
    of_file[name] = patches_in(file(i), 16);
    if (train.contains(name))
      for (const auto& patch : of_file[name])
        training.insert(training.end(), patch.begin(), patch.end());
  }
  const auto raw = at::tensor(training, at::kDouble);
  const auto mean = raw.mean(), deviation = raw.std(/*unbiased=*/false);
  for (const auto& part : {set.train, set.validation})
    for (std::int64_t i = 0; i < part.size(0); i += 9) {  // the first patch of each picture
      const auto expected =
          (at::tensor(of_file[all.of(part[i])][0], at::kDouble) - mean) / deviation;
      EXPECT_LT((part[i] - expected).abs().max().item<double>(), 1e-5) << i;
    }
}

TEST_F(FolderPatches, DependsOnSeedAloneNotOnThreadsOrPlace) {
  const auto threads = at::get_num_threads();
  const auto set = open_patches(request_);
  at::set_num_threads(threads == 1 ? 3 : 1);
  const auto again = open_patches(request_);
  at::set_num_threads(threads);
  EXPECT_TRUE(again.train.equal(set.train));
  EXPECT_TRUE(again.validation.equal(set.validation));
  EXPECT_EQ(again.hash, set.hash);
  EXPECT_EQ(set.hash.size(), 16U);

  const TemporaryFolder other;
  fs::copy(root_.path(), other / "copy", fs::copy_options::recursive);
  auto moved = request_;
  moved.root = other / "copy";
  EXPECT_EQ(open_patches(moved).hash, set.hash);
  EXPECT_TRUE(open_patches(moved).train.equal(set.train));
}

TEST_F(FolderPatches, HashTellsRequestsAndContentsApart) {
  std::set<std::string> hashes = {open_patches(request_).hash};
  const auto with = [&](const auto& change) {
    auto changed = request_;
    change(changed);
    hashes.insert(open_patches(changed).hash);
  };
  with([](auto& request) { request.seed = 1; });
  with([](auto& request) { request.side = 12; });
  with([](auto& request) { request.patches = 80; });
  with([](auto& request) { request.validation = 0.4; });
  with([](auto& request) { request.mirrored_filter = true; });
  write_noise(file(3), 999);
  with([](auto&) {});
  EXPECT_EQ(hashes.size(), 7U);
}

TEST_F(FolderPatches, SeedsSplitOtherwise) {
  std::set<std::set<std::string>> splits;
  const auto all = origins();
  for (request_.seed = 0; request_.seed < 4; ++request_.seed) {
    const auto set = open_patches(request_);
    const auto validation = all.counts(set.validation);
    expect_apart(all.counts(set.train), validation);
    std::set<std::string> names;
    for (const auto& [name, count] : validation) names.insert(name);
    splits.insert(names);
  }
  EXPECT_GE(splits.size(), 3U);
}

TEST_F(FolderPatches, TakesAsManyAsAskedFor) {
  const auto all = origins();
  for (const std::int64_t count : {10, 30, 80, 90}) {
    request_.patches = count;
    const auto set = open_patches(request_);
    EXPECT_EQ(set.train.size(0) + set.validation.size(0), count);
    expect_apart(all.counts(set.train), all.counts(set.validation));
    EXPECT_EQ(set.description.find("no more"), std::string::npos) << set.description;
  }
  request_.validation = 0.5;
  EXPECT_EQ(open_patches(request_).validation.size(0), 45);
}

TEST_F(FolderPatches, FollowsTheRequestedFilterAndSide) {
  request_.mirrored_filter = true;
  request_.side = 24;
  Origins mirrored;
  for (unsigned i = 0; i < 10; ++i) mirrored.add(file(i), 24, true);
  const auto set = open_patches(request_);
  EXPECT_EQ(set.side, 24);
  EXPECT_EQ(set.train.sizes(), at::IntArrayRef({32, 576}));
  expect_apart(mirrored.counts(set.train), mirrored.counts(set.validation));
}

TEST_F(FolderPatches, LeavesCopiesOut) {
  for (unsigned i = 0; i < 10; ++i) fs::copy_file(file(i), root_ / text("copies/c", i, ".png"));
  const auto set = open_patches(request_);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 90);
  EXPECT_NE(set.description.find("10 copies"), std::string::npos) << set.description;
}

TEST_F(FolderPatches, ReducesLongPicturesAndTakesNonSquareOnes) {
  for (unsigned i = 0; i < 10; ++i) fs::remove(file(i));
  write_noise(root_ / "a.png", 1, 2048, 80);  // 1024 x 40, without borders 63 x 2 patches
  write_noise(root_ / "b.png", 2, 30, 72);    // 1 x 4
  const auto set = open_patches(request_);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 126 + 4);
}

TEST_F(FolderPatches, RefusesUnusablePictures) {
  testing::write_picture(root_ / "flat.png", {90, 90, 90}, 56, 56);
  expect_error([&] { open_patches(request_); }, {"1 of 11", "flat.png", "same everywhere"});
  write_noise(root_ / "flat.png", 7, 22, 56);
  expect_error([&] { open_patches(request_); }, {"1 of 11", "flat.png", "16x16"});
  testing::write_text(root_ / "flat.png", "no picture");
  expect_error([&] { open_patches(request_); }, {"1 of 11", "flat.png"});
}

TEST(FolderPatchesWithOneInTwoHundred, GoesOnWithoutIt) {
  const TemporaryFolder root;
  for (unsigned i = 0; i < 199; ++i) write_noise(root / text(i, ".png"), i, 24, 24);
  testing::write_text(root / "bad.png", "no picture");
  ::testing::internal::CaptureStderr();
  const auto set = open_patches({.dataset = "folder", .root = root.path()});
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("bad.png"), std::string::npos);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 199);
  EXPECT_NE(set.description.find("1 unusable"), std::string::npos) << set.description;
}

TEST(PatchSet, RefusesWhatIsNotThere) {
  const TemporaryFolder root;
  expect_error([&] { open_patches({.dataset = "folder", .root = root / "none"}); }, {"none"});
  expect_error([&] { open_patches({.dataset = "folder", .root = root.path()}); },
               {"expected pictures"});
  expect_error([&] { open_patches({.dataset = "natural", .root = root.path()}); },
               {root.path().string(), "natural-images/bsds", "kodak", "flowers-102/jpg"});
  write_noise(root / "one.png", 1, 120, 120);
  expect_error([&] { open_patches({.dataset = "folder", .root = root.path()}); },
               {"two pictures", "49 and 0"});
}

TEST(PatchSet, RefusesBadRequests) {
  EXPECT_EQ(patch_dataset_names(),
            (std::vector<std::string>{"natural", "folder", "npy", "mnist", "synthetic"}));
  EXPECT_THROW(open_patches({.dataset = "Natural"}), UsageError);
  expect_error([] { open_patches({.dataset = "x"}); }, {"natural, folder, npy, mnist, synthetic"});
  for (const auto side : {-1, 0, 3, 257})
    EXPECT_THROW(open_patches({.dataset = "synthetic", .side = side}), UsageError);
  for (const std::int64_t patches : {std::int64_t{0}, std::int64_t{9}, std::int64_t{1} << 40})
    EXPECT_THROW(open_patches({.dataset = "synthetic", .patches = patches}), UsageError);
  for (const double share : {0.0, 1.0, -1.0, std::nan("")})
    EXPECT_THROW(open_patches({.dataset = "synthetic", .validation = share}), UsageError);
}

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
  if (!shared || !fs::exists(*shared / "kodak")) GTEST_SKIP() << "needs ../shared/data";
  const TemporaryFolder root;
  for (const std::string name :
       {"kodak/kodim01.png", "kodak/kodim02.png", "natural-images/bsds/100001.jpg"}) {
    const auto source = *shared / name;
    if (!fs::exists(source)) continue;
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(source, root / name);
  }
  const auto set = open_patches({.root = root.path(), .validation = 0.5});
  // 768 x 512 without borders is 760 x 504: 47 x 31 patches.
  EXPECT_EQ(set.train.size(0), 47 * 31);
  EXPECT_EQ(set.validation.size(0), 47 * 31);
  expect_standard(set);
  EXPECT_NEAR(set.validation.std().item<double>(), 1, 0.15);
  EXPECT_GT(set.train.std(1).min().item<double>(), 1e-3);
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
