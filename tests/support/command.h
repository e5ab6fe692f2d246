#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace neurosplat::testing {

/// What a finished command left behind. `status` is its exit code, or 128 + the signal.
struct Finished {
  int status;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// Runs a command without a shell, in `folder` or else here, and waits for it. Standard input is
/// empty.
Finished run_command(const std::vector<std::string>& arguments,
                     const std::filesystem::path& folder = ".");

/// Starts a command in the background, its output thrown away; returns its process id.
int start_command(const std::vector<std::string>& arguments,
                  const std::filesystem::path& folder = ".");

struct PipedCommand {
  int process;
  int reader;  ///< both outputs come here; the caller closes it
};

/// Starts a command in the background, its output into a pipe.
PipedCommand start_piped_command(const std::vector<std::string>& arguments);

/// Waits for a started command; its status as in Finished.
int wait_for_command(int process);

/// One of our own programs, e.g. program("neurosplat-train").
std::string program(const std::string& name);

/// The Python of the checkout's .venv (or $NEUROSPLAT_PYTHON) when it can import `module`.
std::optional<std::string> python_with(const std::string& module);

/// The checkout that the tests were built from.
std::filesystem::path source_folder();

/// The optional folder of shared data: $NEUROSPLAT_SHARED, else ../shared beside the checkout.
std::optional<std::filesystem::path> shared_folder(const std::string& name);

}  // namespace neurosplat::testing
