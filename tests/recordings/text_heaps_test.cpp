#include "recordings/text_heaps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/one_line.h"
#include "recordings/hdf5_file.h"
#include "support/temporary_folder.h"

namespace neurosplat::hdf5 {
namespace {

namespace fs = std::filesystem;
using testing::one_line_error;
using testing::TemporaryFolder;
using Texts = std::vector<std::string>;

/// How a file keeps its texts.
struct Way {
  const char* name;
  hsize_t chunk = 0;  ///< 0: contiguous
  bool shuffle = false, deflate = false, latest = false;
  hsize_t user_block = 0;
  hsize_t rows = 0;    ///< more than the texts: some chunks are never written
  int attributes = 0;  ///< before the one that is read
};

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void put_attribute(hid_t object, const std::string& name, const std::string& value) {
  const auto type = text_type();
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle made(
      H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  const char* pointer = value.c_str();
  ASSERT_GE(H5Awrite(made.get(), type.get(), &pointer), 0);
}

void write(const fs::path& path, const Way& way, const Texts& texts) {
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_userblock(creation.get(), way.user_block);
  if (way.latest) H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  const hsize_t written = texts.size(), rows = std::max<hsize_t>(way.rows, written), none = 0;
  const Handle space(H5Screate_simple(1, &rows, nullptr), H5Sclose);
  const Handle options(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (way.chunk > 0) H5Pset_chunk(options.get(), 1, &way.chunk);
  if (way.shuffle) H5Pset_shuffle(options.get());
  if (way.deflate) H5Pset_deflate(options.get(), 6);
  const auto type = text_type();
  const Handle set(H5Dcreate2(file.get(), "texts", type.get(), space.get(), H5P_DEFAULT,
                              options.get(), H5P_DEFAULT),
                   H5Dclose);
  std::vector<const char*> pointers;
  for (const auto& one : texts) pointers.push_back(one.c_str());
  const Handle memory(H5Screate_simple(1, &written, nullptr), H5Sclose);
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &none, nullptr, &written, nullptr);
  ASSERT_GE(
      H5Dwrite(set.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT, pointers.data()), 0);
  for (int i = 0; i < way.attributes; ++i) {
    put_attribute(set.get(), "other" + std::to_string(i), std::string(50, 'o'));
  }
  put_attribute(set.get(), "wanted", "an attribute's text");
}

/// As HDF5 itself reads a sound file.
Texts read_by_hdf5(const fs::path& path, std::size_t count) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const Handle set(H5Dopen2(file.get(), "texts", H5P_DEFAULT), H5Dclose);
  const Handle space(H5Dget_space(set.get()), H5Sclose);
  const auto type = text_type();
  std::vector<char*> pointers(count);
  EXPECT_GE(H5Dread(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), 0);
  Texts texts;
  for (const auto* one : pointers) texts.emplace_back(one == nullptr ? "" : one);
  H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
  return texts;
}

Texts read_past_hdf5(const fs::path& path, std::size_t count) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const Handle set(H5Dopen2(file.get(), "texts", H5P_DEFAULT), H5Dclose);
  return heap_texts(path, file.get(), set.get(), count);
}

std::string read_attribute(const fs::path& path) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  return attribute_text(path, file.get(), "/texts", "wanted").value_or("none");
}

Texts some_texts(std::size_t count) {
  Texts texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back(i % 5 == 3 ? "" : "text " + std::to_string(i) + std::string(i % 90, 'x'));
  }
  texts.back() = "K\xc3\xb6rper";
  return texts;
}

class TextHeaps : public ::testing::TestWithParam<Way> {};

TEST_P(TextHeaps, HoldWhatHdf5Reads) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  const auto texts = some_texts(300);  // more than one heap
  write(path, GetParam(), texts);
  const auto rows = std::max<std::size_t>(GetParam().rows, texts.size());
  const auto expected = read_by_hdf5(path, rows);
  EXPECT_EQ(expected[299], texts[299]);
  EXPECT_EQ(read_past_hdf5(path, rows), expected);
  EXPECT_EQ(read_attribute(path), "an attribute's text");
}

INSTANTIATE_TEST_SUITE_P(
    Ways, TextHeaps,
    ::testing::Values(Way{.name = "contiguous"}, Way{.name = "chunks", .chunk = 7},
                      Way{.name = "unwritten", .chunk = 64, .rows = 1000},
                      Way{.name = "deflate", .chunk = 64, .deflate = true},
                      Way{.name = "shuffle", .chunk = 50, .shuffle = true, .deflate = true},
                      Way{.name = "user_block", .chunk = 40, .user_block = 512},
                      Way{.name = "contiguous_user_block", .user_block = 1024},
                      Way{.name = "latest", .latest = true},
                      Way{.name = "latest_chunks", .chunk = 33, .deflate = true, .latest = true},
                      Way{.name = "more_attributes", .attributes = 30},
                      Way{.name = "latest_more_attributes", .latest = true, .attributes = 6}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(TextHeapsOfOthers, AreSaidToBeSo) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  write(path, {.name = "dense", .latest = true, .attributes = 20}, some_texts(3));
  EXPECT_NE(one_line_error([&] { read_attribute(path); }).find("outside of their"),
            std::string::npos);
  write(path, {.name = "long"}, {std::string(65537, 'a')});
  EXPECT_NE(one_line_error([&] { read_past_hdf5(path, 1); }).find("64 KiB"), std::string::npos);
  write(path, {.name = "long"}, {std::string(65536, 'a')});
  EXPECT_EQ(read_past_hdf5(path, 1).front().size(), 65536U);
}

/// Sizes that lie: in a heap, in the reference to it, in the heap's own header.
TEST(TextHeapsOfOthers, AreNotBelieved) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  write(path, {.name = "sound"}, {"first", "second", std::string(9000, 'z')});
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  const auto heap = whole.find(std::string("GCOL\1", 5));
  ASSERT_NE(heap, std::string::npos);
  const auto refusal = [&](std::size_t place, std::uint64_t value) {
    auto bytes = whole;
    std::memcpy(bytes.data() + place, &value, sizeof value);
    std::ofstream(path, std::ios::binary) << bytes;
    return one_line_error([&] { read_past_hdf5(path, 3); });
  };
  EXPECT_NE(refusal(heap + 8, 0).find("outside of any heap"), std::string::npos);
  EXPECT_NE(refusal(heap + 8, std::uint64_t{1} << 27U).find("overlap"), std::string::npos);
  EXPECT_NE(refusal(heap + 24, std::uint64_t{1} << 40U).find("sizes are wrong"), std::string::npos);
  EXPECT_NE(refusal(heap + 24, 2).find("texts"), std::string::npos);
  // What is shorter in the reference is read as far as that goes: HDF5 would write all of the
  // heap's 9000 bytes into room for one.
  auto bytes = whole;
  for (std::size_t at = 0; at + 16 < bytes.size(); at += 4) {
    std::uint32_t length = 0;
    std::uint64_t address = 0;
    std::memcpy(&length, bytes.data() + at, 4);
    std::memcpy(&address, bytes.data() + at + 4, 8);
    if (length != 9000 || address == 0 || address > bytes.size()) continue;
    length = 1;
    std::memcpy(bytes.data() + at, &length, 4);
  }
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(read_past_hdf5(path, 3), (Texts{"first", "second", "z"}));
}

}  // namespace
}  // namespace neurosplat::hdf5
