#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace neurosplat {

/// The values of a real numeric vector in a MATLAB 5 file, whole numbers from `least` to `most`,
/// at most `most_values` of them. Throws Error for anything else.
std::vector<std::int64_t> read_mat_integers(const std::filesystem::path& path,
                                            const std::string& variable, std::int64_t least,
                                            std::int64_t most, std::size_t most_values);

}  // namespace neurosplat
