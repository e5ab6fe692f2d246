#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>

namespace neurosplat::hdf5 {

/// Looks through the heaps that hold a dataset's texts of any length: HDF5 1.10 believes the sizes
/// in them and, where a damaged file lies, reads what is not its own. `set` has `count` such texts.
/// Packed chunks and compact datasets are not looked into. Throws Error, half a line.
void check_text_heaps(const std::filesystem::path& path, hid_t file, hid_t set,
                      std::uint64_t count);

}  // namespace neurosplat::hdf5
