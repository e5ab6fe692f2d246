// Every case that fuzzing keeps (tests/corpora), without a fuzzer: seeds, what once broke a reader,
// and inputs that between them take the paths that were found.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/case.h"
#include "fuzz/readers.h"
#include "neurosplat/core/error.h"
#include "support/command.h"

namespace neurosplat::fuzz {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases_of(std::string_view reader) {
  std::vector<fs::path> files;
  const auto folder = testing::source_folder() / "tests" / "corpora" / reader;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<std::uint8_t> bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool refuses(Reader read, Bytes bytes) {
  try {
    read(bytes);
    return false;
  } catch (const Error&) {
    return true;
  }
}

class Corpora : public ::testing::TestWithParam<NamedReader> {};

TEST_P(Corpora, AreReadOrRefusedOnOneLine) {
  std::size_t seeds = 0;
  for (const auto& file : cases_of(GetParam().name)) {
    seeds += file.filename().string().starts_with("seed-") ? 1 : 0;
    EXPECT_EQ(fault_of(GetParam().read, bytes_of(file)), "") << file;
  }
  EXPECT_GT(seeds, 0U) << "expected cases in tests/corpora";
}

/// Else a reader that refuses everything would pass.
TEST_P(Corpora, SeedsAreRead) {
  for (const auto& file : cases_of(GetParam().name)) {
    if (!file.filename().string().starts_with("seed-")) continue;
    EXPECT_FALSE(refuses(GetParam().read, bytes_of(file))) << file;
  }
}

TEST_P(Corpora, NothingIsNoFault) {
  EXPECT_EQ(fault_of(GetParam().read, {}), "");
}

INSTANTIATE_TEST_SUITE_P(Readers, Corpora, ::testing::ValuesIn(kReaders),
                         [](const auto& made) { return std::string(made.param.name); });

/// What the others stand on.
TEST(Faults, AreTold) {
  const auto none = [](Bytes) {};
  const auto refuses_it = [](Bytes) { throw Error("expected a, got b: do c"); };
  const auto two_lines = [](Bytes) { throw UsageError("one\ntwo"); };
  const auto long_one = [](Bytes) { throw Error(std::string(5000, 'a')); };
  const auto another = [](Bytes) { throw std::out_of_range("map::at"); };
  const auto broken = [](Bytes) { expect(false, "two is three"); };
  EXPECT_EQ(fault_of(none, {}), "");
  EXPECT_EQ(fault_of(refuses_it, {}), "");
  EXPECT_NE(fault_of(two_lines, {}).find("control characters"), std::string::npos);
  EXPECT_NE(fault_of(long_one, {}).find("4096"), std::string::npos);
  EXPECT_NE(fault_of(another, {}).find("map::at"), std::string::npos);
  EXPECT_NE(fault_of(broken, {}).find("two is three"), std::string::npos);
}

}  // namespace
}  // namespace neurosplat::fuzz
