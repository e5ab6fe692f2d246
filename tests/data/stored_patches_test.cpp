// Patches of stored sets: npy and mnist.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "data/data_files.h"
#include "neurosplat/data/patch_set.h"
#include "support/command.h"
#include "support/stored_numbers.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::expect_error;
using testing::gzipped;
using testing::Idx;
using testing::npy_bytes;
using testing::write_bytes;

class NpyPatches : public ::testing::Test {
 protected:
  // The first number of patch i is 10 i, so that it says which one it is; the others are drawn.
  static std::vector<float> numbers(std::int64_t count, std::int64_t pixels) {
    std::mt19937 random(3);
    std::vector<float> all;
    for (std::int64_t i = 0; i < count * pixels; ++i)
      all.push_back(i % pixels == 0 ? static_cast<float>(10 * (i / pixels))
                                    : static_cast<float>(random() % 1000U) / 7.0F);
    return all;
  }

  PatchSet open(const std::string& bytes, std::int64_t side = 4,
                std::int64_t patches = PatchRequest::usual_patches) {
    write_bytes(root_ / "processed.npy", bytes);
    return open_patches({.dataset = "npy", .root = root_.path(), .side = side, .patches = patches});
  }

  // Which patches are in a part, by their first numbers.
  static std::vector<long> rows(const at::Tensor& part, double mean, double deviation) {
    std::vector<long> found;
    for (std::int64_t i = 0; i < part.size(0); ++i)
      found.push_back(std::lround((part[i][0].item<double>() * deviation + mean) / 10));
    return found;
  }

  testing::TemporaryFolder root_;
};

TEST_F(NpyPatches, SplitsTenBlocksAsPublished) {
  for (const std::int64_t count : {30, 103, 125, 159}) {
    SCOPED_TRACE(count);
    const auto all = numbers(count, 16);
    double mean = 0, squares = 0;
    for (const float number : all) mean += number;
    mean /= static_cast<double>(all.size());
    for (const float number : all) squares += (number - mean) * (number - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(all.size()));

    // Of n in a block the last round(n / 5) validate, halves to even; the last block has the rest.
    std::vector<long> train, validation;
    const long block = count / 10;
    for (long b = 0; b < 10; ++b) {
      const long first = b * block, size = b == 9 ? count - first : block;
      const long fifths = size * 2 % 10;  // of the rounding; 5 is a half
      long held = size * 2 / 10;
      if (fifths > 5 || (fifths == 5 && held % 2 == 1)) ++held;
      for (long row = 0; row < size; ++row)
        (row < size - held ? train : validation).push_back(first + row);
    }
    for (const auto& bytes : {npy_bytes(all, std::to_string(count) + ", 4, 4"),
                              npy_bytes(all, std::to_string(count) + ", 16")}) {
      const auto set = open(bytes);
      EXPECT_EQ(rows(set.train, mean, deviation), train);
      EXPECT_EQ(rows(set.validation, mean, deviation), validation);
      EXPECT_EQ(set.side, 4);
      EXPECT_FALSE(set.unit_range);
      const auto whole = at::cat({set.train, set.validation}).to(at::kDouble);
      EXPECT_NEAR(whole.mean().item<double>(), 0, 1e-6);
      EXPECT_NEAR(whole.std(/*unbiased=*/false).item<double>(), 1, 1e-6);
    }
  }
}

TEST_F(NpyPatches, FewerAreDrawnFromBothParts) {
  const auto bytes = npy_bytes(numbers(200, 16), "200, 16");
  const auto whole = open(bytes), few = open(bytes, 4, 50), many = open(bytes, 4, 500);
  EXPECT_EQ(whole.train.size(0), 160);
  EXPECT_EQ(few.train.size(0), 40);
  EXPECT_EQ(few.validation.size(0), 10);
  EXPECT_NE(few.hash, whole.hash);
  EXPECT_TRUE(many.train.equal(whole.train));
  EXPECT_EQ(many.hash, whole.hash);
  EXPECT_NE(many.description.find("no more are there of the 500"), std::string::npos);
  EXPECT_EQ(whole.description.find("no more"), std::string::npos) << whole.description;
  for (std::int64_t i = 0; i < 10; ++i)
    EXPECT_TRUE((whole.validation == few.validation[i]).all(1).any().item<bool>()) << i;
}

TEST_F(NpyPatches, TheFileItselfMayBeGiven) {
  write_bytes(root_ / "other.npy", npy_bytes(numbers(50, 16), "50, 16"));
  const auto set = open_patches({.dataset = "npy", .root = root_ / "other.npy", .side = 4});
  EXPECT_EQ(set.train.size(0), 40);
}

TEST_F(NpyPatches, RefusesOtherArrays) {
  const auto all = numbers(100, 16);
  expect_error([&] { open(npy_bytes(all, "100, 16"), 16); }, {"[N, 16, 16]", "[100, 16]"});
  expect_error([&] { open(npy_bytes(all, "25, 8, 8")); }, {"[N, 4, 4]", "[25, 8, 8]"});
  expect_error([&] { open(npy_bytes(all, "1600,")); }, {"[1600]"});
  expect_error([&] { open(npy_bytes(all, "100, 16", "<i4")); }, {"float"});
  expect_error([&] { open(npy_bytes(numbers(9, 16), "9, 16")); }, {"10 blocks", "got 9"});
  // A fifth of two, rounded, is none.
  expect_error([&] { open(npy_bytes(numbers(20, 16), "20, 16")); }, {"10 blocks", "got 20"});
  expect_error([&] { open(npy_bytes({}, "0, 16")); }, {"got none"});
  auto broken = all;
  broken[5] = broken[6] = std::numeric_limits<float>::quiet_NaN();
  broken[40] = std::numeric_limits<float>::infinity();
  expect_error([&] { open(npy_bytes(broken, "100, 16")); }, {"2 of 100", "not finite"});
  auto flat = all;
  std::fill_n(flat.begin() + 32, 16, 0.5F);
  expect_error([&] { open(npy_bytes(flat, "100, 16")); }, {"1 of 100", "same everywhere"});
  expect_error([&] { open_patches({.dataset = "npy", .root = root_ / "none"}); }, {"none"});
}

class MnistPatches : public ::testing::Test {
 protected:
  // Digits whose pixels are drawn and whose first one is their number, with labels number % 10.
  void write(const std::string& part, std::uint32_t count, bool packed = false,
             bool labelled = true) {
    std::mt19937 random(count);
    std::string pixels, labels;
    for (std::uint32_t i = 0; i < count; ++i) {
      labels += static_cast<char>(i % 10);
      pixels += static_cast<char>(i);
      for (int pixel = 1; pixel < 784; ++pixel) pixels += static_cast<char>(random() % 256U);
    }
    put(part + "-images-idx3-ubyte", {.sizes = {count, 28, 28}, .body = pixels}, packed);
    if (labelled) put(part + "-labels-idx1-ubyte", {.sizes = {count}, .body = labels}, packed);
  }

  void put(const std::string& name, const Idx& idx, bool packed = false) {
    const auto bytes = idx.bytes();
    write_bytes(root_ / (name + (packed ? ".gz" : "")), packed ? gzipped(bytes) : bytes);
  }

  PatchSet open(const PatchRequest& request = {}) {
    auto changed = request;
    changed.dataset = "mnist";
    changed.root = root_.path();
    return open_patches(changed);
  }

  // That a part holds digits `first` and following ones, with their labels.
  static void expect_digits(const at::Tensor& pixels, const at::Tensor& labels, int first,
                            int count) {
    ASSERT_EQ(pixels.sizes(), at::IntArrayRef({count, 784}));
    ASSERT_EQ(labels.sizes(), at::IntArrayRef({count}));
    ASSERT_EQ(labels.scalar_type(), at::kLong);
    for (int i = 0; i < count; ++i) {
      EXPECT_NEAR(255 * pixels[i][0].item<double>(), first + i, 1e-4);
      EXPECT_EQ(labels[i].item<std::int64_t>(), (first + i) % 10);
    }
  }

  testing::TemporaryFolder root_;
};

TEST_F(MnistPatches, FourFifthsOfTheTestFileTrainWhereItIsAlone) {
  for (const bool packed : {false, true}) {
    write("t10k", 50, packed);
    const auto set = open();
    EXPECT_EQ(set.side, 28);
    EXPECT_TRUE(set.unit_range);
    expect_digits(set.train, set.train_labels, 0, 40);
    expect_digits(set.validation, set.validation_labels, 40, 10);
    EXPECT_EQ(set.train.scalar_type(), at::kFloat);
    EXPECT_GE(set.train.min().item<double>(), 0.0);
    EXPECT_EQ(set.train.max().item<double>(), 1.0);
    EXPECT_NE(set.description.find("the train file is not there"), std::string::npos)
        << set.description;
    std::filesystem::remove(root_ / "t10k-images-idx3-ubyte");
  }
}

TEST_F(MnistPatches, TheTestFileValidatesBesideATrainFile) {
  write("train", 70, true);
  write("t10k", 30);
  const auto set = open({.side = 28});
  expect_digits(set.train, set.train_labels, 0, 70);
  expect_digits(set.validation, set.validation_labels, 0, 30);
  EXPECT_EQ(set.description.find("not there"), std::string::npos) << set.description;
  const auto alone = set.hash;
  write("train", 71, true);
  EXPECT_NE(open().hash, alone);
}

TEST_F(MnistPatches, FewerKeepTheirLabels) {
  write("train", 60);
  write("t10k", 20);
  const auto set = open({.patches = 40});
  EXPECT_EQ(set.train.size(0), 30);
  EXPECT_EQ(set.validation.size(0), 10);
  for (std::int64_t i = 0; i < 30; ++i) {
    const auto digit = std::lround(255 * set.train[i][0].item<double>());
    EXPECT_EQ(set.train_labels[i].item<std::int64_t>(), digit % 10);
  }
}

TEST_F(MnistPatches, GoesWithoutLabels) {
  write("t10k", 20, false, /*labelled=*/false);
  const auto set = open();
  EXPECT_FALSE(set.train_labels.defined());
  EXPECT_FALSE(set.validation_labels.defined());
  EXPECT_NE(set.description.find("labels are missing"), std::string::npos) << set.description;
}

TEST_F(MnistPatches, RefusesWhatDoesNotFit) {
  expect_error([&] { open(); }, {"t10k-images-idx3-ubyte", root_.path().string()});
  write("train", 10);
  expect_error([&] { open(); }, {"train-images-idx3-ubyte", "to validate with"});
  write("t10k", 20);
  EXPECT_THROW(open({.side = 32}), UsageError);
  put("t10k-labels-idx1-ubyte", {.sizes = {19}, .body = std::string(19, '\1')});
  expect_error([&] { open(); }, {"20 labels", "[19]"});
  put("t10k-labels-idx1-ubyte", {.sizes = {20}, .body = std::string(20, '\12')});
  expect_error([&] { open(); }, {"0 to 9", "up to 10"});
  put("t10k-labels-idx1-ubyte", {.sizes = {2, 10}, .body = std::string(20, '\1')});
  expect_error([&] { open(); }, {"20 labels", "[2, 10]"});
  put("t10k-images-idx3-ubyte", {.sizes = {2, 27, 28}, .body = std::string(2 * 27 * 28, 'a')});
  expect_error([&] { open(); }, {"28x28", "[2, 27, 28]"});
  put("t10k-images-idx3-ubyte", {.sizes = {2, 28, 28}, .body = "short"});
  expect_error([&] { open(); }, {"t10k-images-idx3-ubyte", "short"});
}

TEST_F(MnistPatches, OneDigitCannotBeSplit) {
  write("t10k", 1);
  expect_error([&] { open(); }, {"two digits"});
}

TEST(MnistPatchesOfTheRealFile, AreSplitByTheThousand) {
  const auto folder = testing::shared_folder("data/mnist-t10k");
  if (!folder) GTEST_SKIP() << "needs the real digits in ../shared/data/mnist-t10k";
  const auto set = open_patches({.dataset = "mnist", .root = folder->parent_path()});
  EXPECT_EQ(set.train.sizes(), at::IntArrayRef({8000, 784}));
  EXPECT_EQ(set.validation.sizes(), at::IntArrayRef({2000, 784}));
  EXPECT_EQ(set.train_labels[0].item<std::int64_t>(), 7);  // the test set starts 7 2 1 0 4
  EXPECT_EQ(set.train_labels[1].item<std::int64_t>(), 2);
  EXPECT_TRUE(set.train_labels.narrow(0, 2, 3).equal(at::tensor({1, 0, 4}, at::kLong)));
  EXPECT_EQ(set.train.max().item<double>(), 1.0);
  EXPECT_NE(set.description.find("8,000 to train on, 2,000 to validate with"), std::string::npos)
      << set.description;
  EXPECT_EQ(open_patches({.dataset = "mnist", .root = *folder}).hash, set.hash);
}

}  // namespace
}  // namespace neurosplat
