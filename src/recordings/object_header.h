#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recordings/file_part.h"

namespace neurosplat::hdf5 {

/// An attribute that is one text, as it is stored.
struct StoredText {
  bool in_a_heap;  ///< then `data` is where; else it is the text
  std::string data;
};

/// The attribute `name` in an object's header (at that address); nothing where there is none.
/// HDF5 1.10 looks for an attribute by reading all that come before it, beyond the header's end
/// where a damaged one says so. Throws Error, half a line, for what is no single text, and where
/// attributes lie outside of the header: so may more than eight of them in a file written for
/// HDF5's latest format alone.
std::optional<StoredText> stored_text(FilePart& file, std::uint64_t header,
                                      const std::string& name);

}  // namespace neurosplat::hdf5
