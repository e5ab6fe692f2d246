#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recordings/hdf5_file.h"

namespace neurosplat::hdf5 {

/// Where a column lies whose numbers are in the file as they are in memory: native float64 in one
/// piece or in chunks, neither packed nor left out. Such a column is read past HDF5, which costs
/// less and, as HDF5 knows no threads, lets several of them read at once.
class PlainColumn {
 public:
  /// None for a column that lies in another way or reaches beyond the end of the file: HDF5 reads
  /// it, or says what is wrong. Believes nothing that it has not compared with the file's size.
  static std::optional<PlainColumn> find(const File& file, const Column& column);

  /// Throws Error as `file` words it where the file has become shorter or cannot be read. `file` is
  /// the one that the column was found in.
  void read(const File& file, const std::string& dataset, std::uint64_t first,
            std::span<double> into) const;

 private:
  /// Numbers from `first` to the next extent's, bytes from `address` on.
  struct Extent {
    std::uint64_t first, address;
  };

  explicit PlainColumn(int descriptor) : descriptor_(descriptor) {}
  bool add(std::uint64_t first, std::uint64_t count, std::uint64_t address, std::uint64_t file);
  bool find_chunks(const Column& column, std::uint64_t chunk, std::uint64_t file);

  int descriptor_;               // HDF5's own, so that it is the same file
  std::vector<Extent> extents_;  // the last one is the end
};

}  // namespace neurosplat::hdf5
