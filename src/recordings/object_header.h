#pragma once

#include <cstdint>
#include <string>

#include "recordings/file_part.h"

namespace neurosplat::hdf5 {

/// What the header of an object (at that address) holds of an attribute, as it is stored. HDF5 has
/// no way to ask for it. Only attributes in the header itself are found: those of files whose
/// writer asked for HDF5's latest format may lie elsewhere when there are more than eight. Throws
/// Error, half a line.
std::string stored_attribute(FilePart& file, std::uint64_t header, const std::string& name);

}  // namespace neurosplat::hdf5
