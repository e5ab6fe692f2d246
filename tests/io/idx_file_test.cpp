#include "neurosplat/io/idx_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "io/one_line.h"
#include "support/command.h"
#include "support/stored_numbers.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using testing::gzipped;
using testing::Idx;
using testing::one_line_error;

class IdxFile : public ::testing::Test {
 protected:
  at::Tensor read(const std::string& bytes) {
    testing::write_bytes(folder_ / "a", bytes);
    return read_idx(folder_ / "a");
  }

  // Plain and packed.
  void expect_refusal(const std::string& bytes, const std::string& part) {
    for (const auto& file : {bytes, gzipped(bytes)}) {
      const auto message = one_line_error([&] { read(file); });
      EXPECT_NE(message.find(part), std::string::npos) << message;
      EXPECT_NE(message.find((folder_ / "a").string()), std::string::npos) << message;
    }
  }

  testing::TemporaryFolder folder_;
};

TEST_F(IdxFile, ReadsBytesOfOneToFourDimensions) {
  std::string body(120, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(2 * i);
  const auto numbers = at::arange(0, 240, 2).to(at::kByte);
  for (const std::vector<std::uint32_t>& sizes :
       {std::vector<std::uint32_t>{120}, {8, 15}, {4, 5, 6}, {2, 3, 4, 5}}) {
    const std::vector<std::int64_t> shape(sizes.begin(), sizes.end());
    const auto bytes = Idx{.sizes = sizes, .body = body}.bytes();
    for (const auto& file : {bytes, gzipped(bytes)}) {
      const auto read_back = read(file);
      EXPECT_EQ(read_back.scalar_type(), at::kByte);
      EXPECT_TRUE(read_back.equal(numbers.view(shape))) << read_back.sizes();
    }
  }
}

TEST_F(IdxFile, ReadsMoreThanOneChunk) {
  std::string body(300000, '\0');
  std::uint32_t state = 1;
  for (auto& byte : body) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  const auto bytes = Idx{.sizes = {300, 1000}, .body = body}.bytes();
  ASSERT_GT(gzipped(bytes).size(), 200000U);
  const auto plain = read(bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(plain.const_data_ptr()), body.size()), body);
  EXPECT_TRUE(read(gzipped(bytes)).equal(plain));
}

TEST_F(IdxFile, RefusesOtherFiles) {
  expect_refusal(Idx{.start = std::string("\0\1", 2)}.bytes(), "does not start");
  expect_refusal("PNG or so, a longer text", "does not start");
  expect_refusal(Idx{.type = 0x09}.bytes(), "signed bytes, not unsigned");
  expect_refusal(Idx{.type = 0x0b}.bytes(), "16-bit integers");
  expect_refusal(Idx{.type = 0x0c}.bytes(), "32-bit integers");
  expect_refusal(Idx{.type = 0x0d}.bytes(), "32-bit floats");
  expect_refusal(Idx{.type = 0x0e}.bytes(), "64-bit floats");
  expect_refusal(Idx{.type = 0x07}.bytes(), "unknown type");
  expect_refusal(Idx{.sizes = {}}.bytes(), "0 dimensions");
  expect_refusal(Idx{.sizes = {1, 1, 1, 1, 6}}.bytes(), "5 dimensions");
  expect_refusal(Idx{.dimensions = 200}.bytes(), "200 dimensions");
  expect_refusal(Idx{.sizes = {0, 6}}.bytes(), "dimension of 0");
}

TEST_F(IdxFile, RefusesOtherLengths) {
  expect_refusal(Idx{.body = "abcde"}.bytes(), "short");
  expect_refusal(Idx{.body = "abcdefg"}.bytes(), "goes on");
  expect_refusal(Idx{.dimensions = 1}.bytes(), "goes on");
  expect_refusal(Idx{.sizes = {0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU}}.bytes(),
                 "more than 1073741824");
  expect_refusal(Idx{.sizes = {1U << 15U, 1U << 15U, 2}}.bytes(), "more than 1073741824");
  // Just allowed, and refused before room for it is made: the file cannot hold that much.
  expect_refusal(Idx{.sizes = {1U << 30U}}.bytes(), "claims 1073741824 bytes");
}

TEST_F(IdxFile, RefusesEveryCut) {
  const auto plain = Idx{}.bytes(), packed = gzipped(plain);
  for (std::size_t length = 0; length < plain.size(); ++length)
    one_line_error([&] { read(plain.substr(0, length)); });
  for (std::size_t length = 0; length < packed.size(); ++length)
    one_line_error([&] { read(packed.substr(0, length)); });
}

TEST_F(IdxFile, RefusesDamagedPacking) {
  const auto packed = gzipped(Idx{}.bytes());
  for (const auto at :
       {packed.size() - 1, packed.size() - 8, std::size_t{12}}) {  // length, sum, data
    auto bytes = packed;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x21);
    one_line_error([&] { read(bytes); });
  }
  EXPECT_NE(one_line_error([&] { read(packed + "x"); }).find("after the end"), std::string::npos);
  EXPECT_NE(one_line_error([&] { read(packed + packed); }).find("after the end"),
            std::string::npos);
}

TEST_F(IdxFile, RefusesWhatIsNoFile) {
  one_line_error([&] { read_idx(folder_.path()); });
  EXPECT_NE(one_line_error([&] { read_idx(folder_ / "none"); }).find("an IDX file"),
            std::string::npos);
}

TEST(IdxFileOfMnist, IsReadWhole) {
  const auto folder = testing::shared_folder("data/mnist-t10k");
  if (!folder) GTEST_SKIP() << "needs the real digits in ../shared/data/mnist-t10k";
  const auto digits = read_idx(*folder / "t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(digits.sizes(), at::IntArrayRef({10000, 28, 28}));
  EXPECT_NEAR(digits.to(at::kDouble).mean().item<double>() / 255, 0.1325, 0.0005);
  const auto labels = read_idx(*folder / "t10k-labels-idx1-ubyte.gz");
  // The counts of the digits 0 to 9 in the test set.
  const auto counts = at::bincount(labels.to(at::kLong));
  EXPECT_TRUE(
      counts.equal(at::tensor({980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, at::kLong)))
      << counts;
}

}  // namespace
}  // namespace neurosplat
