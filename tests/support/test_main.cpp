#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "neurosplat/core/leave.h"

/// main() of every test program. ctest runs a suite at a time: tests left out are named, with their
/// reasons, and a run in which nothing but such tests stood ends with the status that ctest takes
/// for skipped.
namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in list_suites.cmake

bool suite_failed = false;

class SkipReport : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { in_a_test_ = true; }
  void OnTestEnd(const testing::TestInfo& test) override {
    in_a_test_ = false;
    const auto& result = *test.result();
    if (!result.Skipped()) return;
    std::string reason;
    for (int i = 0; i < result.total_part_count(); ++i) {
      const auto& part = result.GetTestPartResult(i);
      if (part.skipped()) reason += std::string(reason.empty() ? "" : "; ") + part.message();
    }
    std::printf("SKIPPED %s.%s: %s\n", test.test_suite_name(), test.name(), reason.c_str());
  }
  /// googletest counts the tests of a suite that could not be set up as skipped, and no failure.
  void OnTestPartResult(const testing::TestPartResult& part) override {
    suite_failed = suite_failed || (part.failed() && !in_a_test_);
  }

  bool in_a_test_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto& all = *testing::UnitTest::GetInstance();
  all.listeners().Append(new SkipReport);  // googletest owns it
  const int status = RUN_ALL_TESTS();
  if (suite_failed) neurosplat::leave(1);
  const bool nothing_ran =
      all.skipped_test_count() > 0 && all.skipped_test_count() == all.test_to_run_count();
  neurosplat::leave(status == 0 && nothing_ran ? kSkipped : status);
}
