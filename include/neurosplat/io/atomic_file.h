#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>

namespace neurosplat {

/// Takes bytes for a file that is being written. Throws Error when the disk does not take them.
using ByteSink = std::function<void(const void* bytes, std::size_t count)>;

/// Writes `path` whole or not at all: to a temporary file beside it, synced, then renamed over
/// it, the folder synced. Leftovers of a killed writer are replaced by the next one. On failure
/// the temporary file is removed and an Error says what the system said.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const ByteSink&)>& write);

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace neurosplat
