#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/command.h"

/// Starts what trains together, as torchrun would on one machine.
namespace neurosplat::testing {

/// Whether the build that is tested can do it: it lacks Gloo's headers else, and says so.
bool has_process_groups();

/// A port that nobody listens on, at the moment.
std::uint16_t free_port();

/// The command with the environment of process `rank` of `count`.
std::vector<std::string> as_process(int rank, int count, std::uint16_t port,
                                    const std::vector<std::string>& arguments);

/// Runs the same command as two processes of one group; what the first left behind. The status of
/// the other one goes to `other`.
Finished run_two(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                 int* other = nullptr);

}  // namespace neurosplat::testing
