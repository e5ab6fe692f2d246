#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace neurosplat {

struct NumberTable {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values;  ///< row by row, finite
};

/// Reads lines of numbers with commas between. The first line may hold names, or 0, 1, 2 and so on,
/// as pandas writes them: it is left out, and so is the first column where its name is empty.
/// Throws Error that names the line for anything else.
NumberTable read_number_table(const std::filesystem::path& file);

}  // namespace neurosplat
