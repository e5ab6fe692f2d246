#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace neurosplat::report {

/// Runs a program with both outputs in the file `log`, anew, and no input; its exit code, or 128 +
/// the signal that ended it. `waiting` is called several times a second. When this process is
/// interrupted (core/interrupt.h) so is the child; it goes with this process however that ends.
/// Throws Error when the log cannot be written or no process can be made.
int run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
              const std::filesystem::path& log, const std::function<void()>& waiting);

}  // namespace neurosplat::report
