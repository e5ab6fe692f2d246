#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct matvar_t;

namespace neurosplat {

/// A value of a MATLAB 5 file, to read: numbers, text, a cell array or a struct. What it is asked
/// for and is not, it says with its place: "FILE: pepANA.listOfResults{3}: expected ...".
class MatValue {
 public:
  /// Reads a variable with all that it holds. Counts are checked against the bytes that follow
  /// before anything is allocated by them. Throws Error for another kind of file, a damaged one,
  /// one of more than `most_bytes` (unpacked as well), objects, functions, sparse or complex
  /// numbers, and where there is no such variable.
  static MatValue read(const std::filesystem::path& path, const std::string& variable,
                       std::size_t most_bytes = std::size_t{1} << 31U);

  bool is_cell() const;
  bool is_struct() const;
  std::int64_t size() const;  ///< of elements, of a cell array of cells; 1 of one struct

  /// Element `index` (from 0) of a cell array. Throws Error when it is none, or has no such one.
  MatValue cell(std::int64_t index) const;
  /// A field of a single struct. Throws Error when it is none, or has no such field.
  MatValue field(const std::string& name) const;
  bool has_field(const std::string& name) const;

  /// The numbers in their own type, shape reversed (a matrix's columns are rows): [n, 48] of 48 x
  /// n.
  at::Tensor numbers() const;
  /// A lone whole number from `least` to `most`. Throws Error.
  std::int64_t integer(std::int64_t least, std::int64_t most) const;
  std::string string() const;

 private:
  MatValue(std::shared_ptr<matvar_t> root, const matvar_t* value, std::string place)
      : root_(std::move(root)), value_(value), place_(std::move(place)) {}
  [[noreturn]] void refuse(const std::string& expected) const;

  std::shared_ptr<matvar_t> root_;  // keeps what value_ is part of
  const matvar_t* value_;           // null for an empty cell's content
  std::string place_;
};

}  // namespace neurosplat
