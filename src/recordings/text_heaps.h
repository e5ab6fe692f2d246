#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Texts of any length lie in heaps. HDF5 1.10 believes the sizes in them: where a damaged file
/// lies it reads and writes what is not its own, or never ends. So such texts are read past it,
/// every size compared with the file's. Throws Error, half a line.
namespace neurosplat::hdf5 {

/// All `count` texts of `set`, a column or a single one; empty where none was written. At most 64
/// KiB each and 256 MiB in all. Packed by deflate and shuffle, or not; not in a compact dataset.
std::vector<std::string> heap_texts(const std::filesystem::path& path, hid_t file, hid_t set,
                                    std::uint64_t count);

/// The single text of an attribute, wherever it lies; nothing where there is no such attribute.
std::optional<std::string> attribute_text(const std::filesystem::path& path, hid_t file,
                                          const std::string& object, const std::string& name);

}  // namespace neurosplat::hdf5
