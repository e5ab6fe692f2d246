#include "neurosplat/program/program.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace neurosplat::apps {
namespace {

struct Numbers {
  int code = 0;
  std::string errors;
  int threads = 0;
  std::int64_t epochs = 0;
  std::uint64_t bytes = 0;
  double rate = 0;
  float share = 0;
  std::optional<double> beta;
  std::vector<double> budgets;
  std::string name;
};

/// Gives `arguments` to a program with an option of each kind.
Numbers run(std::vector<std::string> arguments) {
  Numbers read;
  arguments.insert(arguments.begin(), {"neurosplat-count", "up"});
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  Program program("neurosplat-count", "Counts.", static_cast<int>(argv.size()), argv.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  read.code = run_program(program, [&](Program& all) {
    auto& command = all.add("up", "Counts up.", [] { return 0; });
    command.add_option("--threads", read.threads, "threads");
    command.add_option("--epochs", read.epochs, "epochs");
    command.add_option("--bytes", read.bytes, "bytes");
    command.add_option("--rate", read.rate, "rate");
    command.add_option("--share", read.share, "share");
    command.add_option("--beta", read.beta, "beta");
    command.add_option("--budgets", read.budgets, "budgets")->delimiter(',');
    command.add_option("--name", read.name, "name");
  });
  read.errors = ::testing::internal::GetCapturedStderr() + ::testing::internal::GetCapturedStdout();
  return read;
}

TEST(Program, ReadsDecimalNumbers) {
  const auto read = run({"--threads=-2147483648", "--epochs", "9223372036854775807", "--bytes",
                         "18446744073709551615", "--rate", "1e-5", "--share", "0.5", "--beta",
                         "+.25", "--budgets", "0,-3.5,007", "--budgets", "2.", "--name", "010"});
  ASSERT_EQ(read.code, 0) << read.errors;
  EXPECT_EQ(read.threads, std::numeric_limits<int>::min());
  EXPECT_EQ(read.epochs, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read.bytes, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read.rate, 1e-5);
  EXPECT_EQ(read.share, 0.5f);
  EXPECT_EQ(read.beta, 0.25);
  EXPECT_EQ(read.budgets, (std::vector<double>{0, -3.5, 7, 2}));
  EXPECT_EQ(read.name, "010");
  EXPECT_EQ(run({"--epochs", "+5"}).epochs, 5);
  EXPECT_EQ(run({"--epochs", "-7"}).epochs, -7);
}

TEST(Program, RefusesWhatIsNoDecimalNumberInRange) {
  const std::vector<std::vector<std::string>> refused = {
      {"epochs", "010", "-010", "00", "0x10", "1e3", "5.0", " 5", "5 ", "", "+", "+-5", "++5",
       "99999999999999999999", "-9223372036854775809", "9223372036854775808"},
      {"threads", "010", "2147483648", "-2147483649", "99999999999999999999"},
      {"bytes", "010", "-1", "18446744073709551616"},
      {"rate", "nan", "inf", "-inf", "infinity", "0x10", "1e999", "-1e999", "1,5", "", "1e", " 1"},
      {"share", "nan", "1e999", "0x1p3"},
      {"beta", "nan", "0x10", "1e999"},
      {"budgets", "nan", "1,inf", "1,0x10,3", "1;2"},
  };
  for (const auto& option : refused) {
    for (std::size_t i = 1; i < option.size(); ++i) {
      const auto argument = "--" + option[0] + "=" + option[i];
      const auto read = run({argument});
      EXPECT_EQ(read.code, 2) << argument;
      EXPECT_NE(read.errors.find("--" + option[0]), std::string::npos) << read.errors;
      EXPECT_EQ(read.errors.find('\n'), read.errors.size() - 1) << read.errors;
    }
  }
}

TEST(Program, SaysWhichNumberItExpected) {
  EXPECT_NE(run({"--epochs", "010"})
                .errors.find("--epochs: expected a decimal integer, got 010: leave out"),
            std::string::npos);
  EXPECT_NE(run({"--epochs", "9223372036854775808"})
                .errors.find("--epochs: expected an integer from -9223372036854775808 to "
                             "9223372036854775807, got 9223372036854775808"),
            std::string::npos);
  EXPECT_NE(run({"--budgets", "1,nan"})
                .errors.find("--budgets: expected a finite decimal number, got nan"),
            std::string::npos);
}

TEST(Program, HelpNamesOnlyTheType) {
  const auto help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.errors.find("--epochs INT "), std::string::npos) << help.errors;
  EXPECT_NE(help.errors.find("--bytes UINT "), std::string::npos) << help.errors;
  EXPECT_NE(help.errors.find("--budgets FLOAT "), std::string::npos) << help.errors;
}

}  // namespace
}  // namespace neurosplat::apps
