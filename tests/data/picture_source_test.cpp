#include "neurosplat/data/picture_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "data/data_files.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<PictureSource> open(DatasetKind kind, const fs::path& root,
                                    const std::vector<std::string>& splits,
                                    std::uint64_t seed = 0) {
  return open_pictures({kind, root, splits, seed, seed});
}

TEST(PictureSource, NamesOfDataSets) {
  for (const std::string name :
       {"flowers", "flowers-large", "celeba", "cifar10", "folder", "smoke", "synthetic"})
    EXPECT_EQ(name_of(dataset_from_name(name)), name);
  EXPECT_THROW(dataset_from_name("Flowers"), UsageError);
  expect_error([] { dataset_from_name("mnist"); },
               {"mnist", "flowers, flowers-large, celeba", "synthetic"});
}

TEST(PictureSource, UnknownSplitsAreBadUsage) {
  EXPECT_THROW(open(DatasetKind::smoke, "", {"training"}), UsageError);
  EXPECT_THROW(open(DatasetKind::smoke, "", {}), UsageError);
  EXPECT_THROW(open(DatasetKind::smoke, "", {"train", "train"}), UsageError);
  expect_error([] { open(DatasetKind::smoke, "", {"valid"}); }, {"'valid'", "train, val, test"});
}

class Celeba : public ::testing::Test {
 protected:
  Celeba() {
    for (int i = 1; i <= 6; ++i)
      write_picture(root_ / ("celeba/img_align_celeba/00000" + std::to_string(i) + ".jpg"),
                    {30 * i, 0, 200});
    write_list("000001.jpg 0\n000002.jpg 2\n000003.jpg 1\n000004.jpg  0\r\n000005.jpg 0\n");
  }

  void write_list(const std::string& rows) {
    write_text(root_ / "celeba" / "list_eval_partition.txt", rows);
  }

  TemporaryFolder root_;
};

TEST_F(Celeba, SplitsAreThoseOfTheList) {
  for (const auto& root : {root_.path(), root_ / "celeba"}) {
    const auto train = open(DatasetKind::celeba, root, {"train"});
    EXPECT_EQ(names(*train), (std::vector<std::string>{"000001.jpg", "000004.jpg", "000005.jpg"}));
    expect_colour(*train, 1, {120, 0, 200});
    EXPECT_EQ(names(*open(DatasetKind::celeba, root, {"val"})),
              std::vector<std::string>{"000003.jpg"});
    EXPECT_EQ(names(*open(DatasetKind::celeba, root, {"test"})),
              std::vector<std::string>{"000002.jpg"});
  }
}

TEST_F(Celeba, KeepsTheCentre178Pixels) {
  cv::Mat picture(218, 240, CV_8UC3, cv::Scalar(0, 0, 255));
  picture(cv::Rect(31, 20, 178, 178)).setTo(cv::Scalar(0, 255, 0));
  cv::imwrite((root_ / "celeba/img_align_celeba/000002.jpg").string(), picture,
              {cv::IMWRITE_JPEG_QUALITY, 100});
  const auto planes = decoded(*open(DatasetKind::celeba, root_.path(), {"test"}), 0, 16);
  for (std::size_t i = 0; i < 256; ++i) {
    ASSERT_LT(planes[i], 60) << i;
    ASSERT_GT(planes[256 + i], 195) << i;
  }
}

TEST_F(Celeba, RefusesListsThatLie) {
  for (const std::string row :
       {"../a.jpg 0", "b/c.jpg 0", "000006.jpg 3", "000006.jpg", "000006.jpg ", "000006.jpg 00",
        "000006.jpg 0 1", " 0", "000001.jpg 1", "000006.jpg -"}) {
    write_list("000001.jpg 0\n" + row + "\n");
    expect_error([&] { open(DatasetKind::celeba, root_.path(), {"train"}); },
                 {"list_eval_partition.txt", "line 2"});
  }
}

TEST_F(Celeba, IncompleteFolders) {
  write_list("000001.jpg 0\n000077.jpg 0\n000088.jpg 2\n");
  EXPECT_EQ(open(DatasetKind::celeba, root_.path(), {"train"})->size(), 1);
  expect_error([&] { open(DatasetKind::celeba, root_.path(), {"test"}); }, {"000088.jpg", "none"});
  expect_error([&] { open(DatasetKind::celeba, root_.path(), {"val"}); }, {"val", "celeba"});
  fs::remove(root_ / "celeba" / "list_eval_partition.txt");
  expect_error([&] { open(DatasetKind::celeba, root_.path(), {"train"}); },
               {root_.path().string(), "list_eval_partition.txt", "img_align_celeba"});
}

// Records whose class is `records` modulo 10 and whose bytes are drawn.
std::string cifar_records(int records, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes;
  for (int record = 0; record < records; ++record) {
    bytes.push_back(static_cast<char>(record % 10));
    for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<char>(random() % 256));
  }
  return bytes;
}

class Cifar10 : public ::testing::Test {
 protected:
  Cifar10() {
    for (std::uint32_t batch = 1; batch <= 5; ++batch)
      write_text(path("data_batch_" + std::to_string(batch) + ".bin"), cifar_records(3, batch));
    write_text(path("test_batch.bin"), cifar_records(12, 9));
  }

  fs::path path(const std::string& name) const { return root_ / "cifar-10-batches-bin" / name; }

  TemporaryFolder root_;
};

TEST_F(Cifar10, PicturesAreTheRecords) {
  for (const auto& root : {root_.path(), root_ / "cifar-10-batches-bin"}) {
    const auto train = open(DatasetKind::cifar10, root, {"train", "val"});
    ASSERT_EQ(train->size(), 15);
    EXPECT_EQ(train->name(7), "data_batch_3.bin:1");
    const auto records = cifar_records(3, 3);
    const std::string expected = records.substr(3073 + 1, 3072);
    const auto planes = decoded(*train, 7, 32);
    EXPECT_EQ(std::string(planes.begin(), planes.end()), expected);
    EXPECT_EQ(open(DatasetKind::cifar10, root, {"test"})->size(), 12);
  }
}

TEST_F(Cifar10, ShrinksByAveraging) {
  const auto test = open(DatasetKind::cifar10, root_.path(), {"test"});
  const auto full = decoded(*test, 11, 32), half = decoded(*test, 11, 16);
  for (std::size_t plane = 0; plane < 3; ++plane)
    for (std::size_t y = 0; y < 16; ++y)
      for (std::size_t x = 0; x < 16; ++x) {
        const auto* corner = &full[plane * 1024 + 2 * y * 32 + 2 * x];
        const double mean = (corner[0] + corner[1] + corner[32] + corner[33]) / 4.0;
        ASSERT_NEAR(half[plane * 256 + y * 16 + x], mean, 0.51);
      }
}

TEST_F(Cifar10, RefusesOtherFiles) {
  expect_error([&] { open(DatasetKind::cifar10, root_.path(), {"val"}); }, {"val", "cifar10"});
  const auto last = path("data_batch_5.bin");
  for (const auto& content : {std::string("text"), std::string(), cifar_records(2, 1) + "x"}) {
    write_text(last, content);
    expect_error([&] { open(DatasetKind::cifar10, root_.path(), {"train"}); },
                 {last.string(), "3073"});
  }
  fs::remove(last);
  expect_error([&] { open(DatasetKind::cifar10, root_.path(), {"train"}); }, {last.string()});
  auto records = cifar_records(2, 1);
  records[3073] = 10;  // there are classes 0 to 9
  write_text(path("test_batch.bin"), records);
  const auto test = open(DatasetKind::cifar10, root_.path(), {"test"});
  EXPECT_NO_THROW(decoded(*test, 0, 16));
  expect_error([&] { decoded(*test, 1, 16); }, {"record 1", "test_batch.bin"});
  const TemporaryFolder empty;
  expect_error([&] { open(DatasetKind::cifar10, empty.path(), {"train"}); },
               {empty.path().string(), "data_batch_1.bin", "test_batch.bin"});
}

TEST(Folder, FindsPicturesAtAnyDepthSortedByPath) {
  const TemporaryFolder root;
  write_picture(root / "b.JPG", {250, 0, 0});
  write_picture(root / "deep/er/a.png", {0, 250, 0});
  write_picture(root / "a.WebP", {0, 0, 250});
  write_picture(root / "deep/c.bmp", {9, 9, 9});
  write_picture(root / "z.Jpeg", {200, 200, 0});
  write_text(root / "notes.txt", "no picture");
  write_text(root / "jpg", "no extension");
  fs::create_directory(root / "folder.jpg");
  fs::create_directory_symlink(root.path(), root / "deep" / "loop");
  const auto source = open_folder(root.path());
  EXPECT_EQ(names(*source),
            (std::vector<std::string>{"a.WebP", "b.JPG", "deep/c.bmp", "deep/er/a.png", "z.Jpeg"}));
  expect_colour(*source, 0, {0, 0, 250});
  expect_colour(*source, 3, {0, 250, 0});
  EXPECT_THROW(source->name(5), Error);
  EXPECT_THROW(source->name(-1), Error);
}

TEST(Folder, UnreadablePicturesAreNamed) {
  const TemporaryFolder root;
  write_text(root / "text.jpg", "This is no picture, whatever its name says.");
  write_picture(root / "gone.png", {1, 2, 3});
  const auto source = open_folder(root.path());
  fs::remove(root / "gone.png");
  expect_error([&] { decoded(*source, 0, 8); }, {"gone.png"});
  expect_error([&] { decoded(*source, 1, 8); }, {"text.jpg"});
}

TEST(Folder, WithoutPicturesIsAnError) {
  const TemporaryFolder root;
  expect_error([&] { open_folder(root.path()); },
               {root.path().string(), "jpg, jpeg, png, bmp, webp"});
  expect_error([&] { open_folder(root / "missing"); }, {(root / "missing").string(), "no folder"});
  write_picture(root / "one.png", {1, 1, 1});
  EXPECT_EQ(open(DatasetKind::folder, root.path(), {"train"})->size(), 1);
  expect_error([&] { open(DatasetKind::folder, root.path(), {"test"}); }, {"test", "folder"});
}

TEST(Folder, HoldsOutASeededTenth) {
  const TemporaryFolder root;
  const auto split = [&](const std::string& name, std::uint64_t seed) {
    const auto found = names(*open(DatasetKind::folder, root.path(), {name}, seed));
    return std::set<std::string>(found.begin(), found.end());
  };
  const auto add = [&](int first, int last) {
    for (int i = first; i < last; ++i) write_text(root / (std::to_string(i) + ".jpg"), "");
  };
  add(0, 2);
  EXPECT_EQ(split("test", 1).size(), 1U);
  add(2, 57);
  std::set<std::set<std::string>> drawn;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto test = split("test", seed), train = split("train", seed);
    EXPECT_EQ(test.size(), 5U);
    EXPECT_EQ(train.size(), 52U);
    for (const auto& name : test) EXPECT_FALSE(train.contains(name));
    EXPECT_EQ(split("test", seed), test);
    drawn.insert(test);
  }
  EXPECT_EQ(drawn.size(), 5U);
  EXPECT_EQ(open(DatasetKind::folder, root.path(), {"train", "val", "test"})->size(), 57);
  EXPECT_EQ(open_folder(root.path())->size(), 57);
}

TEST(Folder, ListHashTellsListsApartWhereverTheyLie) {
  const TemporaryFolder first, second;
  for (const auto* root : {&first, &second}) {
    write_text(*root / "a.jpg", "123");
    write_text(*root / "b/c.jpg", "");
  }
  const auto hash = [&] { return open_folder(second.path())->list_hash(); };
  // FNV-1a of "a.jpg\0" "3\0" "b/c.jpg\0" "0\0", by Python.
  EXPECT_EQ(open_folder(first.path())->list_hash(), "113848d6a6fc0f7f");
  EXPECT_EQ(hash(), "113848d6a6fc0f7f");
  const std::shared_ptr<const PictureSource> all = open_folder(second.path());
  EXPECT_NE(seeded_subset(all, 1, 0)->list_hash(), hash());
  std::set<std::string> seen = {hash()};
  write_text(second / "a.jpg", "1234");
  EXPECT_TRUE(seen.insert(hash()).second) << "size";
  fs::rename(second / "b/c.jpg", second / "b/d.jpg");
  EXPECT_TRUE(seen.insert(hash()).second) << "name";
  write_text(second / "z.jpg", "1");
  EXPECT_TRUE(seen.insert(hash()).second) << "one more";
}

TEST(Folder, ItsSplitBelongsToTheDataNotToTheRun) {
  const TemporaryFolder root;
  for (int i = 0; i < 40; ++i) write_text(root / (std::to_string(i) + ".jpg"), "");
  const auto of = [&](const std::string& split, std::uint64_t seed, std::uint64_t split_seed) {
    return names(*open_pictures({DatasetKind::folder, root.path(), {split}, seed, split_seed}));
  };
  const auto test = of("test", 0, 0);
  EXPECT_EQ(of("test", 5, 0), test);
  EXPECT_EQ(of("train", 5, 0), of("train", 0, 0));
  EXPECT_NE(of("test", 0, 1), test);
}

TEST(Pictures, AreToldApartByWhatTheyAreNotByTheirNames) {
  const TemporaryFolder root;
  for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg"}) write_text(root / name, "");
  fs::create_symlink(root / "a" / "2.jpg", root / "b" / "two.jpg");
  const auto a = open_folder(root / "a"), b = open_folder(root / "b"),
             all = open_folder(root.path());
  EXPECT_EQ(count_shared(*a, *open_folder(root / "b" / ".." / "a")), 2);
  EXPECT_EQ(count_shared(*a, *b), 1);  // 2.jpg by its link; the two 1.jpg differ
  EXPECT_EQ(count_shared(*a, *all), 2);
  EXPECT_EQ(count_shared(*all, *a), 3);
  EXPECT_EQ(count_shared(*seeded_subset(open_folder(root / "a"), 1, 0), *all), 1);
  const auto smoke = [](const std::string& split, std::uint64_t seed) {
    return open(DatasetKind::smoke, "", {split}, seed);
  };
  EXPECT_EQ(count_shared(*smoke("test", 0), *smoke("test", 0)), 64);
  EXPECT_EQ(count_shared(*smoke("test", 0), *smoke("test", 1)), 0);
  EXPECT_EQ(count_shared(*smoke("test", 0), *smoke("train", 0)), 0);
}

class Generated : public ::testing::TestWithParam<DatasetKind> {};

TEST_P(Generated, IsAFunctionOfSeedSplitAndIndex) {
  std::set<std::string> seen;
  std::size_t pictures = 0;
  for (const std::uint64_t seed : {0U, 1U})
    for (const std::string split : {"train", "test"}) {
      const auto source = open(GetParam(), "/nowhere", {split}, seed);
      const auto again = open(GetParam(), "", {"train", "test"}, seed);
      const auto offset = split == "train" ? 0 : again->size() - source->size();
      for (std::int64_t i = 0; i < 20; ++i, ++pictures) {
        const auto picture = decoded(*source, i, 32);
        EXPECT_EQ(picture, decoded(*again, offset + i, 32));
        EXPECT_EQ(source->name(i), again->name(offset + i));
        seen.emplace(picture.begin(), picture.end());
      }
    }
  EXPECT_EQ(seen.size(), pictures);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Generated,
                         ::testing::Values(DatasetKind::smoke, DatasetKind::synthetic),
                         [](const auto& tested) { return name_of(tested.param); });

TEST(Smoke, IsAGradientWithNoise) {
  EXPECT_EQ(open(DatasetKind::smoke, "", {"train", "val"})->size(), 256);
  EXPECT_EQ(open(DatasetKind::smoke, "", {"test"})->size(), 64);
  EXPECT_THROW(open(DatasetKind::smoke, "", {"val"}), Error);
  // Second differences see nothing of a gradient and six times the noise's variance: uniform
  // within 0.05, so sqrt(6) * 0.1 / sqrt(12) * 255 = 18 levels.
  const auto planes = decoded(*open(DatasetKind::smoke, "", {"test"}, 3), 5, 64);
  double squares = 0;
  int count = 0;
  for (std::size_t i = 1; i + 1 < planes.size(); ++i) {
    const bool clipped = std::max({planes[i - 1], planes[i], planes[i + 1]}) == 255 ||
                         std::min({planes[i - 1], planes[i], planes[i + 1]}) == 0;
    if (clipped || i % 64 == 0 || i % 64 == 63) continue;
    squares += std::pow(planes[i - 1] - 2.0 * planes[i] + planes[i + 1], 2);
    ++count;
  }
  ASSERT_GT(count, 4000);
  EXPECT_NEAR(std::sqrt(squares / count), 18.0, 1.0);
}

TEST(Synthetic, IsTheSamePictureAtAnySide) {
  EXPECT_EQ(open(DatasetKind::synthetic, "", {"train"})->size(), 2048);
  EXPECT_EQ(open(DatasetKind::synthetic, "", {"val"})->size(), 256);
  const auto source = open(DatasetKind::synthetic, "", {"test"}, 8);
  EXPECT_EQ(source->size(), 512);
  for (std::int64_t index = 0; index < 10; ++index) {
    const auto large = decoded(*source, index, 128), small = decoded(*source, index, 32);
    double error = 0, contrast = 0;
    for (std::size_t i = 0; i < small.size(); ++i) {
      const std::size_t plane = i / 1024, y = i % 1024 / 32, x = i % 32;
      double mean = 0;
      for (std::size_t k = 0; k < 16; ++k)
        mean += large[plane * 16384 + (4 * y + k / 4) * 128 + 4 * x + k % 4] / 16.0;
      error += std::pow(mean - small[i], 2) / static_cast<double>(small.size());
      contrast += std::pow(small[i] - 128.0, 2) / static_cast<double>(small.size());
    }
    EXPECT_LT(std::sqrt(error), 8.0) << index;
    EXPECT_GT(std::sqrt(contrast), 30.0) << index;
  }
}

}  // namespace
}  // namespace neurosplat::testing
