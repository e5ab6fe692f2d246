#include "io/mat_guard.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace neurosplat {
namespace {

std::string word(std::uint32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string element(std::uint32_t type, const std::string& content) {
  auto bytes = word(type) + word(static_cast<std::uint32_t>(content.size())) + content;
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

/// A matrix of a class, of rows x columns, with what follows its name.
std::string matrix(std::uint32_t kind, std::uint32_t rows, std::uint32_t columns,
                   const std::string& rest) {
  return element(14, element(6, word(kind) + word(0)) + element(5, word(rows) + word(columns)) +
                         element(1, "x") + rest);
}

/// Whether a file of one variable passes.
bool passes(const std::string& variable, int deepest = 16) {
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  return holds_only_whole_values(header + std::string("\0\1IM", 4) + variable, 1 << 16, deepest);
}

constexpr std::uint32_t kCell = 1, kSparse = 5, kInt8 = 8;

TEST(MatGuard, CountsAreBorneOutByBytes) {
  EXPECT_TRUE(passes(matrix(kInt8, 2, 4, element(1, "12345678"))));
  EXPECT_FALSE(passes(matrix(kInt8, 2, 5, element(1, "12345678"))));
  EXPECT_FALSE(passes(matrix(kInt8, 1U << 16U, 1U << 16U, element(1, "12345678"))));
  EXPECT_FALSE(passes(matrix(kInt8, 0x80000000U, 0, element(1, ""))));
  EXPECT_TRUE(passes(matrix(kInt8, 48, 0, element(1, ""))));
  EXPECT_FALSE(passes(matrix(kSparse, 2, 4, element(1, "12345678"))));
}

TEST(MatGuard, CellsAreAsManyAsTheyClaim) {
  const auto one = matrix(kInt8, 1, 8, element(1, "12345678"));
  EXPECT_TRUE(passes(matrix(kCell, 1, 2, one + one)));
  EXPECT_FALSE(passes(matrix(kCell, 1, 3, one + one)));
  EXPECT_FALSE(passes(matrix(kCell, 1, 1, one + one)));
  EXPECT_FALSE(passes(matrix(kCell, 1, 1, matrix(kInt8, 9, 9, element(1, "12345678")))));
}

TEST(MatGuard, NestingEnds) {
  auto nested = matrix(kInt8, 1, 8, element(1, "12345678"));
  for (int level = 0; level < 3; ++level) nested = matrix(kCell, 1, 1, nested);
  EXPECT_TRUE(passes(nested, 4));
  EXPECT_FALSE(passes(nested, 3));
}

}  // namespace
}  // namespace neurosplat
