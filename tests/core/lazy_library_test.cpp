#include "neurosplat/core/lazy_library.h"

#include <gtest/gtest.h>

#include <string>

namespace neurosplat {
namespace {

std::string refusal_of(const std::string& name) {
  try {
    lazy_library(name);
  } catch (const LibraryMissing& error) {
    return error.what();
  }
  return {};
}

// tests/core/greeting_library.cpp
TEST(LazyLibrary, GivesItsFunctions) {
  struct Greeting {
    int (*answer)();
  };
  EXPECT_EQ(lazy_functions<Greeting>("test_greeting").answer(), 42);
  EXPECT_EQ(lazy_library("test_greeting"), lazy_library("test_greeting"));
}

TEST(LazyLibrary, SaysWhatIsMissing) {
  const auto absent = refusal_of("absent");
  EXPECT_NE(absent.find("libneurosplat_absent.so"), std::string::npos) << absent;
  EXPECT_NE(absent.find("install neurosplat whole"), std::string::npos) << absent;
  EXPECT_EQ(absent.find('\n'), std::string::npos) << absent;
}

TEST(LazyLibrary, RefusesAnotherVersionAndAnotherKindOfLibrary) {
  EXPECT_NE(refusal_of("test_older").find("another version"), std::string::npos);
  EXPECT_NE(refusal_of("test_silent").find("another version"), std::string::npos);
}

}  // namespace
}  // namespace neurosplat
