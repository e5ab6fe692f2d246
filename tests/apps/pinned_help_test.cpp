// Scripts of yesterday run today: no option, default or subcommand of the pinned help is gone.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "apps/run_files.h"
#include "support/command.h"

namespace neurosplat::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

struct PinnedOption {
  std::string default_value;  ///< empty: none
  bool required = false;
};

/// "--flip,--no-flip{false}" adds two options; what stands in braces or after a = is the default.
void add_options(const std::string& line, std::map<std::string, PinnedOption>& options) {
  std::istringstream words(line);
  std::string names, kind;
  words >> names >> kind;
  const auto equals = kind.find('=');
  std::istringstream all(names);
  for (std::string name; std::getline(all, name, ',');) {
    PinnedOption option;
    option.required = line.find(" REQUIRED") != std::string::npos;
    if (equals != std::string::npos) option.default_value = kind.substr(equals + 1);
    if (const auto brace = name.find('{'); brace != std::string::npos) {
      option.default_value = name.substr(brace + 1, name.find('}') - brace - 1);
      name.resize(brace);
    }
    options[name] = option;
  }
}

/// By name, with its hyphens; wherever a line begins with one, whatever the groups and columns.
std::map<std::string, PinnedOption> options_of(const std::string& help) {
  std::map<std::string, PinnedOption> options;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(' ');
    if (first != std::string::npos && line[first] == '-') add_options(line.substr(first), options);
  }
  return options;
}

/// A file PROGRAM.txt or PROGRAM.SUBCOMMAND.txt, and what that program says today.
void expect_kept(const std::string& program_name, const fs::path& file) {
  SCOPED_TRACE(file.filename().string());
  Arguments command = {program(program_name)};
  const auto subcommand = file.stem().extension().string();
  if (!subcommand.empty()) command.push_back(subcommand.substr(1));
  command.emplace_back("--help");
  const auto today = run_command(command);
  ASSERT_EQ(today.status, 0) << today.errors;
  const auto pinned = options_of(text_of(file)), now = options_of(today.output);
  ASSERT_GE(pinned.size(), 2U);
  for (const auto& [name, option] : pinned) {
    ASSERT_TRUE(now.contains(name)) << name << " is gone";
    EXPECT_EQ(now.at(name).default_value, option.default_value) << name;
  }
  for (const auto& [name, option] : now) {
    const auto before = pinned.find(name);
    EXPECT_TRUE(!option.required || (before != pinned.end() && before->second.required))
        << "old commands do not give " << name;
  }
}

class PinnedHelp : public ::testing::TestWithParam<const char*> {};

TEST_P(PinnedHelp, IsStillKept) {
  const std::string name = std::string("neurosplat-") + GetParam();
  int helps = 0;
  for (const auto& entry : fs::directory_iterator(source_folder() / "tests" / "pins" / "help")) {
    if (!entry.path().filename().string().starts_with(name + ".")) continue;
    ++helps;
    expect_kept(name, entry.path());
  }
  EXPECT_GE(helps, 2) << "the program's own and its subcommands'";
}

TEST(PinnedHelpFiles, HoldWhatTheParserFinds) {
  const auto options = options_of(
      text_of(source_folder() / "tests" / "pins" / "help" / "neurosplat-train.splat-vae.txt"));
  EXPECT_EQ(options.size(), 41U);
  EXPECT_EQ(options.at("--data-dir").default_value, "./data");
  EXPECT_EQ(options.at("--splits").default_value, "[train,val]");
  EXPECT_EQ(options.at("--no-flip").default_value, "false");
  EXPECT_EQ(options.at("--overwrite").default_value, "");
}

INSTANTIATE_TEST_SUITE_P(All, PinnedHelp, ::testing::Values("train", "sample", "live", "evaluate"),
                         [](const auto& program) { return program.param; });

}  // namespace
}  // namespace neurosplat::testing
