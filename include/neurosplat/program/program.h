#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace neurosplat::apps {

/// A program of subcommands. Exit codes: 0 done, 1 something failed, 2 bad usage, 128 + the signal
/// when interrupted (130 for Ctrl-C). Numbers of all options are decimal and in range: 010, 0x10,
/// nan and 1e999 are bad usage.
class Program {
 public:
  /// Options may be written with underscores instead of hyphens.
  Program(const std::string& name, const std::string& description, int argc, char** argv);

  /// Adds a subcommand; the caller adds its options.
  CLI::App& add(const std::string& name, const std::string& description,
                std::function<int()> action);

  /// Files that commands of this program write into a run's folder beside what every run has, ###
  /// for the epoch: of all of them, so that a run leaves nothing of one of another kind that it
  /// replaces.
  std::vector<std::string>& run_files() { return run_files_; }

  /// Parses, runs the chosen subcommand, reports errors on one line, returns the exit code.
  int run();

 private:
  CLI::App app_;
  std::vector<std::string> arguments_, run_files_;
  std::function<int()> chosen_;
};

/// Runs `set_up`, which may throw, then program.run(), under one error report.
int run_program(Program& program, const std::function<void(Program&)>& set_up);

}  // namespace neurosplat::apps
