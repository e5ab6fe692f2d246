#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "recordings/hdf5_file.h"

namespace neurosplat::hdf5 {

/// An NWB file that is being written: typed groups, tables and their columns. Throws Error, one
/// line.
class NwbTables {
 public:
  /// `name` stands in messages for `path`; `seed` draws object identifiers.
  NwbTables(const std::filesystem::path& path, std::string name, std::uint64_t seed);

  /// A group; a neurodata type of the namespace core, unless the type is empty.
  void group(const std::string& path, const std::string& type = "");
  /// A DynamicTable of `type` and its ids.
  void table(const std::string& path, const std::string& type, const std::string& description,
             const std::vector<std::string>& columns, std::span<const std::int64_t> ids);

  void attribute(const std::string& object, const std::string& name, const std::string& value);
  void soft_link(const std::string& target, const std::string& path);
  void scalar(const std::string& dataset, const std::string& value);
  void texts(const std::string& dataset, const std::vector<std::string>& values);

  /// Columns of tables: VectorData.
  void column(const std::string& dataset, const std::string& description,
              std::span<const double> values);
  void column(const std::string& dataset, const std::string& description,
              std::span<const std::int64_t> values);
  void column(const std::string& dataset, const std::string& description,
              const std::vector<std::string>& values);
  void truth_column(const std::string& dataset, const std::string& description,
                    std::span<const std::int8_t> values);
  /// References to objects of this file.
  void object_column(const std::string& dataset, const std::string& description,
                     const std::vector<std::string>& objects);

  /// A column that grows by `append`, to about the size that is `expected`.
  void growing_column(const std::string& dataset, const std::string& description,
                      std::uint64_t expected);
  void append(std::span<const double> values);
  /// The VectorIndex `dataset`_index, of ends.
  void index(const std::string& dataset, std::span<const std::uint64_t> ends);

  /// Closes the file; all is on its way to the disk.
  void close();

 private:
  void check(bool done, const std::string& place) const;
  void typed(const std::string& object, const std::string& space, const std::string& type);
  void vector_data(const std::string& dataset, const std::string& description);
  void write(const std::string& dataset, hid_t stored, hid_t given, std::size_t count,
             const void* values);

  Handle file_, growing_;
  Handle text_;  // type of text: UTF-8 of any length
  std::string name_;
  std::uint64_t seed_, objects_ = 0, grown_ = 0;
};

}  // namespace neurosplat::hdf5
