#include <gtest/gtest.h>
#include <matio.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <utility>

#include "data/data_files.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;

std::string file_of(int id) {
  std::ostringstream name;
  name << "image_" << std::setw(5) << std::setfill('0') << id << ".jpg";
  return name.str();
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Rgb colour_of(int id) {
  return {20 * id % 256, 255 - 20 * id % 256, 128};
}

/// Writes one variable after the other into a MATLAB 5 file.
class MatWriter {
 public:
  explicit MatWriter(const fs::path& path) {
    fs::create_directories(path.parent_path());
    file_ = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
    if (file_ == nullptr) throw std::runtime_error("cannot write a .mat file");
  }
  ~MatWriter() { Mat_Close(file_); }
  MatWriter(const MatWriter&) = delete;
  MatWriter& operator=(const MatWriter&) = delete;

  template <class Number>
  void write(const char* name, matio_classes kind, matio_types type, std::vector<Number> values,
             std::vector<std::size_t> shape = {}, matio_compression how = MAT_COMPRESSION_ZLIB) {
    if (shape.empty()) shape = {1, values.size()};
    matvar_t* variable = Mat_VarCreate(name, kind, type, static_cast<int>(shape.size()),
                                       shape.data(), values.data(), 0);
    Mat_VarWrite(file_, variable, how);
    Mat_VarFree(variable);
  }

  void doubles(const char* name, const std::vector<double>& values) {
    write(name, MAT_C_DOUBLE, MAT_T_DOUBLE, values);
  }

 private:
  mat_t* file_;
};

// Ids 1 to 12: train 2 4 6 8, val 1 3 5, test 7 9 10 11 12; each of its own colour.
class Flowers : public ::testing::Test {
 protected:
  Flowers() {
    write_setid();
    for (int id = 1; id <= 12; ++id) write_picture(root_ / "jpg" / file_of(id), colour_of(id));
  }

  void write_setid() {
    MatWriter setid(root_ / "setid.mat");
    setid.doubles("trnid", {8, 2, 4, 6});
    setid.write<std::uint16_t>("valid", MAT_C_UINT16, MAT_T_UINT16, {1, 3, 5}, {3, 1});
    setid.write<std::int32_t>("tstid", MAT_C_INT32, MAT_T_INT32, {7, 9, 10, 11, 12}, {1, 5},
                              MAT_COMPRESSION_NONE);
  }

  void write_labels(const std::set<int>& left_out, const std::string& more = "") {
    std::string rows = "file,class_id,split\r\n";
    for (int id = 1; id <= 12; ++id)
      if (!left_out.contains(id))
        rows += file_of(id) + ",1," +
                (id == 1 || id == 3 || id == 5 ? "val"
                 : id <= 8 && id != 7          ? "train"
                                               : "test") +
                "\n";
    write_text(root_ / "labels.csv", rows + more);
  }

  std::unique_ptr<PictureSource> open(const std::vector<std::string>& splits) {
    return open_pictures({DatasetKind::flowers, root_.path(), splits, 0});
  }

  void expect_refused(const std::vector<std::string>& parts) {
    expect_error([&] { open({"train"}); }, parts);
  }

  TemporaryFolder root_;
};

TEST_F(Flowers, SplitsAreThoseOfSetid) {
  const auto train = open({"train"});
  EXPECT_EQ(names(*train),
            (std::vector<std::string>{file_of(8), file_of(2), file_of(4), file_of(6)}));
  EXPECT_EQ(names(*open({"val"})), (std::vector<std::string>{file_of(1), file_of(3), file_of(5)}));
  EXPECT_EQ(open({"test"})->size(), 5);
  expect_colour(*train, 0, colour_of(8));
  expect_colour(*train, 3, colour_of(6));
}

TEST_F(Flowers, SplitsJoinInTheOrderAsked) {
  const auto all = names(*open({"test", "train", "val"}));
  ASSERT_EQ(all.size(), 12U);
  EXPECT_EQ(all.front(), file_of(7));
  EXPECT_EQ(all[5], file_of(8));
  EXPECT_EQ(all.back(), file_of(5));
  EXPECT_EQ((std::set<std::string>(all.begin(), all.end()).size()), 12U);
}

// With fewer test pictures than are measured, all of them are; a tenth of the others validates.
TEST_F(Flowers, LargeTakesTheFirstTestPicturesAway) {
  const auto of = [&](const std::string& split) {
    return names(*open_pictures({DatasetKind::flowers_large, root_.path(), {split}, 0}));
  };
  EXPECT_EQ(of("test"), (std::vector<std::string>{file_of(7), file_of(9), file_of(10), file_of(11),
                                                  file_of(12)}));
  EXPECT_EQ(of("train"), (std::vector<std::string>{file_of(1), file_of(2), file_of(3), file_of(4),
                                                   file_of(5), file_of(6), file_of(8)}));
  expect_error([&] { of("val"); }, {"val", "flowers-large"});
}

TEST_F(Flowers, FoundInASubfolder) {
  const TemporaryFolder above;
  fs::create_directory_symlink(root_.path(), above / "flowers-102");
  EXPECT_EQ(open_pictures({DatasetKind::flowers, above.path(), {"val"}, 0})->size(), 3);
}

TEST_F(Flowers, AbsentPicturesAreLeftOutWithOneWarning) {
  fs::remove(root_ / "jpg" / file_of(10));
  fs::remove(root_ / "jpg" / file_of(12));
  ::testing::internal::CaptureStderr();
  const auto test = open({"train", "test"});
  const auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(test->size(), 7);
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_NE(said.find("2 of 5 pictures of the split test"), std::string::npos) << said;
  EXPECT_NE(said.find(file_of(10)), std::string::npos) << said;
  expect_colour(*test, 6, colour_of(11));
}

TEST_F(Flowers, NoPictureAtAllIsAnError) {
  for (int id = 1; id <= 12; ++id) fs::remove(root_ / "jpg" / file_of(id));
  expect_refused({"the 4 pictures of the split train", "jpg", "none is there"});
}

TEST_F(Flowers, LabelsSayWhatIsThere) {
  write_labels({4, 7});
  fs::remove(root_ / "jpg" / file_of(6));
  ::testing::internal::CaptureStderr();
  const auto train = open({"train"});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(names(*train), (std::vector<std::string>{file_of(8), file_of(2), file_of(6)}));
  expect_colour(*train, 1, colour_of(2));
  expect_error([&] { decoded(*train, 2, 8); }, {file_of(6)});
  EXPECT_EQ(open({"test"})->size(), 4);
}

TEST_F(Flowers, RefusesLabelsThatLie) {
  const auto csv = (root_ / "labels.csv").string();
  for (const std::string file : {"../secret.jpg", "a/b.jpg", "a\\b.jpg", "..", "", ".hidden"}) {
    write_labels({}, file + ",1,train\n");
    expect_refused({csv, "line 14"});
  }
  write_labels({}, file_of(2) + ",1,train\n");  // listed twice
  expect_refused({csv, "line 14"});
  write_labels({}, "image_00020.jpg,train\n");
  expect_refused({csv, "line 14"});
  write_labels({2}, file_of(2) + ",1,test\n");  // of another split than in setid.mat
  expect_refused({csv, file_of(2), "train"});
  write_text(root_ / "labels.csv", "name,label\n");
  expect_refused({csv, "file,class_id,split"});
  write_text(root_ / "labels.csv", "");
  expect_refused({csv, "file,class_id,split"});
}

TEST_F(Flowers, RefusesTextThatIsNamedMat) {
  const auto path = root_ / "setid.mat";
  for (const std::string& content :
       {std::string(), std::string("not a matrix\n"), std::string(4000, 'x'),
        "MATLAB 5.0 MAT-file" + std::string(2000, ' '),
        "MATLAB 7.3 MAT-file" + std::string(105, ' ') + std::string("\0\2IM", 4) +
            std::string(1000, '\1'),
        "MATLAB 5.0 MAT-file" + std::string(105, ' ') + std::string("\0\1IM", 4) +
            std::string(1000, 'x')}) {
    write_text(path, content);
    expect_refused({path.string(), "trnid"});
  }
}

TEST_F(Flowers, RefusesOtherVariables) {
  const auto path = root_ / "setid.mat";
  const auto refused = [&](const auto& write) {
    {
      MatWriter setid(path);
      write(setid);
      setid.doubles("valid", {1, 3, 5});
      setid.doubles("tstid", {7});
    }
    expect_refused({path.string(), "trnid"});
  };
  refused([](MatWriter& setid) { setid.doubles("labels", {1, 2}); });
  for (const double id :
       {0.0, -3.0, 1.5, 100000.0, 1e300, std::nan(""), std::numeric_limits<double>::infinity()})
    refused([&](MatWriter& setid) { setid.doubles("trnid", {2, id}); });
  refused([](MatWriter& setid) {
    setid.write<double>("trnid", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 4, 6, 8}, {2, 2});
  });
  refused([](MatWriter& setid) {
    setid.write<double>("trnid", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 4}, {1, 1, 2});
  });
  refused([](MatWriter& setid) { setid.write<char>("trnid", MAT_C_CHAR, MAT_T_UTF8, {'2', '4'}); });
  refused([](MatWriter& setid) { setid.doubles("trnid", std::vector<double>(100000, 2)); });
}

TEST_F(Flowers, RefusesAPictureInTwoSplits) {
  for (const double id : {2.0, 9.0}) {  // in train or in test already
    {
      MatWriter setid(root_ / "setid.mat");
      setid.doubles("trnid", {2, 4});
      setid.doubles("valid", {1, id});
      setid.doubles("tstid", {9});
    }
    expect_refused({"setid.mat", "picture " + std::to_string(static_cast<int>(id)), "twice"});
  }
}

// The reading library would ask for gigabytes by these counts.
TEST_F(Flowers, RefusesCountsBeyondTheFile) {
  const auto path = root_ / "setid.mat";
  {
    MatWriter setid(path);
    setid.write<double>("trnid", MAT_C_DOUBLE, MAT_T_DOUBLE, {2, 4}, {1, 2}, MAT_COMPRESSION_NONE);
  }
  const auto whole = content_of(path);
  ASSERT_EQ(whole.size(), 208U);  // 128 of the file, tags, flags, dimensions, name, two values
  // Offset and value of a byte: size of the matrix, class (a cell, a structure), both dimensions,
  // length of the name and of the data.
  for (const auto& [offset, value] : std::vector<std::pair<std::size_t, int>>{
           {135, 127}, {144, 1}, {144, 2}, {163, 127}, {167, 127}, {175, 127}, {191, 127}}) {
    auto bytes = whole;
    bytes[offset] = static_cast<char>(value);
    write_text(path, bytes);
    expect_refused({path.string(), "trnid", "damaged"});
  }
}

// Cut files, lying sizes and flipped bits end in the right pictures or in one line.
TEST_F(Flowers, SurvivesDamagedSetid) {
  const auto path = root_ / "setid.mat";
  const auto whole = content_of(path);
  std::mt19937 random(5);
  int refused = 0;
  for (std::size_t round = 0; round < whole.size() + 1000; ++round) {
    auto bytes = whole.substr(0, round);
    if (round >= whole.size()) {
      bytes = whole;
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    write_text(path, bytes);
    try {
      EXPECT_LE(open({"train", "val", "test"})->size(), 12);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      ++refused;
    }
  }
  EXPECT_GE(refused, static_cast<int>(whole.size()));
}

TEST(FlowersFolder, WrongFolderSaysWhatWasExpected) {
  const TemporaryFolder empty;
  for (const auto& root : {empty.path(), empty / "missing"})
    expect_error(
        [&] {
          open_pictures({DatasetKind::flowers, root, {"train"}, 0});
        },
        {root.string(), "jpg/image_00001.jpg", "setid.mat", "imagelabels.mat", "flowers-102"});
}

// The official files, against the list of what is present that was derived from them elsewhere.
TEST(FlowersFolder, OfficialSplits) {
  const auto root = shared_folder("data/flowers-102");
  if (!root) GTEST_SKIP() << "needs Flowers-102 in ../shared/data/flowers-102";
  const std::map<std::string, std::size_t> sizes = {{"train", 1020}, {"val", 1020}, {"test", 5849}};
  std::map<std::string, std::set<std::string>> listed;
  std::ifstream csv(*root / "labels.csv");
  for (std::string file, label, split;
       std::getline(csv, file, ',') && std::getline(csv, label, ',') && std::getline(csv, split);)
    listed[split].insert(file);
  const TemporaryFolder without_labels;
  fs::create_directory_symlink(fs::absolute(*root / "jpg"), without_labels / "jpg");
  fs::copy_file(*root / "setid.mat", without_labels / "setid.mat");
  for (const auto& [split, size] : sizes)
    for (const auto& folder : {fs::path(*root), without_labels.path()}) {
      const auto source = open_pictures({DatasetKind::flowers, folder, {split}, 0});
      const auto found = names(*source);
      EXPECT_EQ(found.size(), size) << split;
      EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), listed[split]) << split;
      EXPECT_NO_THROW(decoded(*source, 0, 64));
    }
}

// Sizes as the protocol states them; the first 1,000 by id read off the list made elsewhere.
TEST(FlowersFolder, LargeSplits) {
  const auto root = shared_folder("data/flowers-102");
  if (!root) GTEST_SKIP() << "needs Flowers-102 in ../shared/data/flowers-102";
  std::set<std::string> tested;
  std::ifstream csv(*root / "labels.csv");
  for (std::string file, label, split;
       std::getline(csv, file, ',') && std::getline(csv, label, ',') && std::getline(csv, split);)
    if (split == "test") tested.insert(file);
  const auto of = [&](const std::string& split) {
    const auto found = names(*open_pictures({DatasetKind::flowers_large, *root, {split}, 0}));
    return std::set<std::string>(found.begin(), found.end());
  };
  const auto test = of("test"), val = of("val");
  auto all = of("train");
  EXPECT_EQ(test, std::set<std::string>(tested.begin(), std::next(tested.begin(), 1000)));
  EXPECT_EQ(val.size(), 400U);
  EXPECT_EQ(all.size(), 6489U);
  all.insert(val.begin(), val.end());
  all.insert(test.begin(), test.end());
  EXPECT_EQ(all.size(), 7889U);
}

}  // namespace
}  // namespace neurosplat::testing
