// Patches of pictures: folder, and what all sets refuse.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <string>
#include <vector>

#include "data/data_files.h"
#include "data/noise_pictures.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/patch_set.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_apart;
using testing::expect_error;
using testing::expect_standard;
using testing::Origins;
using testing::Patch;
using testing::patches_in;
using testing::TemporaryFolder;
using testing::write_noise;

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
  with([](auto& request) { request.least_deviation = 0.05; });
  write_noise(file(3), 999);
  with([](auto&) {});
  EXPECT_EQ(hashes.size(), 8U);
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
  fs::create_directories(root_ / "copies");
  for (unsigned i = 0; i < 10; ++i) fs::copy_file(file(i), root_ / text("copies/c", i, ".png"));
  const auto set = open_patches(request_);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 90);
  EXPECT_NE(set.description.find("10 copies"), std::string::npos) << set.description;
}

// The right half of a picture is all but the same everywhere.
TEST_F(FolderPatches, LeavesFlatPatchesOut) {
  auto half = cv::imread(file(0).string(), cv::IMREAD_GRAYSCALE);
  for (int y = 0; y < 56; ++y)
    for (int x = 24; x < 56; ++x) half.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>(y % 2);
  cv::imwrite(file(0).string(), half);
  request_.least_deviation = 0;
  EXPECT_EQ(open_patches(request_).train.size(0) + open_patches(request_).validation.size(0), 90);
  int flat = 0;
  for (const auto& patch : patches_in(file(0), 16))
    flat += at::tensor(patch, at::kDouble).std().item<double>() < 0.25 ? 1 : 0;
  EXPECT_GT(flat, 0);
  EXPECT_LT(flat, 9);
  request_.least_deviation = 0.25;
  const auto set = open_patches(request_);
  EXPECT_EQ(set.train.size(0) + set.validation.size(0), 90 - flat);
  EXPECT_NE(set.description.find(text(flat, " flat ones left out")), std::string::npos)
      << set.description;
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

TEST(PatchSet, RefusesALeastDeviationOutOfRange) {
  for (const double least : {-0.1, 1.0, std::nan("")})
    EXPECT_THROW(open_patches({.dataset = "synthetic", .least_deviation = least}), UsageError);
}

}  // namespace
}  // namespace neurosplat
