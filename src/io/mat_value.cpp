#include "neurosplat/io/mat_value.h"

#include <ATen/Functions.h>
#include <matio.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file_bytes.h"
#include "io/mat_guard.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

std::optional<at::ScalarType> type_of(matio_classes kind) {
  switch (kind) {
    case MAT_C_DOUBLE:
      return at::kDouble;
    case MAT_C_SINGLE:
      return at::kFloat;
    case MAT_C_INT8:
      return at::kChar;
    case MAT_C_UINT8:
      return at::kByte;
    case MAT_C_INT16:
      return at::kShort;
    case MAT_C_INT32:
      return at::kInt;
    case MAT_C_INT64:
      return at::kLong;
    default:
      return std::nullopt;
  }
}

/// Null where there is none. The library takes a pointer that it could write through, but reads.
const matvar_t* field_of(const matvar_t* value, const std::string& name) {
  return Mat_VarGetStructFieldByName(const_cast<matvar_t*>(value), name.c_str(), 0);
}

std::int64_t count_of(const matvar_t& value) {
  std::int64_t count = 1;
  for (int i = 0; i < value.rank; ++i) count *= static_cast<std::int64_t>(value.dims[i]);
  return count;
}

}  // namespace

MatValue MatValue::read(const std::filesystem::path& path, const std::string& variable,
                        std::size_t most_bytes) {
  const auto fail = [&](const std::string& got) {
    return Error(text("expected ", path.string(), " to be a MATLAB 5 file with the variable ",
                      variable, ", ", got, ": fetch the file again"));
  };
  const auto bytes = read_bytes(path, "a MATLAB 5 file", most_bytes);
  const std::string_view seen(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!holds_only_whole_values(seen, most_bytes)) {
    throw fail("it is another kind of file or damaged");
  }
  const std::unique_ptr<mat_t, int (*)(mat_t*)> file(Mat_Open(path.c_str(), MAT_ACC_RDONLY),
                                                     Mat_Close);
  if (file == nullptr) throw fail("it cannot be opened");
  std::shared_ptr<matvar_t> root(Mat_VarRead(file.get(), variable.c_str()), Mat_VarFree);
  if (root == nullptr) throw fail("it has no such variable");
  const auto* value = root.get();
  return {std::move(root), value, text(path.string(), ": ", variable)};
}

void MatValue::refuse(const std::string& expected) const {
  throw Error(text(place_, ": expected ", expected, ", it is something else"));
}

bool MatValue::is_cell() const {
  return value_ != nullptr && value_->class_type == MAT_C_CELL;
}

bool MatValue::is_struct() const {
  return value_ != nullptr && value_->class_type == MAT_C_STRUCT;
}

std::int64_t MatValue::size() const {
  return value_ == nullptr ? 0 : count_of(*value_);
}

MatValue MatValue::cell(std::int64_t index) const {
  if (!is_cell() || index < 0 || index >= size()) {
    refuse(text("a cell array of more than ", index, " cells"));
  }
  const auto* const* cells = static_cast<const matvar_t* const*>(value_->data);
  return {root_, cells == nullptr ? nullptr : cells[index], text(place_, "{", index + 1, "}")};
}

bool MatValue::has_field(const std::string& name) const {
  return is_struct() && size() == 1 && field_of(value_, name) != nullptr;
}

MatValue MatValue::field(const std::string& name) const {
  if (!has_field(name)) refuse(text("a struct with the field ", name));
  return {root_, field_of(value_, name), text(place_, ".", name)};
}

at::Tensor MatValue::numbers() const {
  const auto type = value_ == nullptr ? std::nullopt : type_of(value_->class_type);
  if (!type || value_->isComplex != 0) refuse("real numbers");
  const std::vector<std::int64_t> shape(std::make_reverse_iterator(value_->dims + value_->rank),
                                        std::make_reverse_iterator(value_->dims));
  auto values = at::empty(shape, *type);
  if (values.numel() == 0) return values;
  if (value_->data == nullptr || value_->nbytes != values.nbytes())
    refuse("numbers that are there");
  std::memcpy(values.mutable_data_ptr(), value_->data, values.nbytes());
  return values;
}

std::int64_t MatValue::integer(std::int64_t least, std::int64_t most) const {
  const auto expected = text("a whole number from ", least, " to ", most);
  const auto values = numbers();
  if (values.numel() != 1) refuse(expected);
  const auto value = values.item<double>();
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) ||
      value != std::floor(value)) {
    refuse(expected);
  }
  return static_cast<std::int64_t>(value);
}

std::string MatValue::string() const {
  if (value_ == nullptr || value_->class_type != MAT_C_CHAR) refuse("text");
  const auto count = static_cast<std::size_t>(size());
  if (count == 0) return {};
  if (value_->data == nullptr) refuse("text that is there");
  // One byte a character, or two of UTF-16, as the file has it.
  const auto width = value_->nbytes / count;
  if (width != 1 && width != 2) refuse("plain text");
  std::string characters(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    characters[i] = static_cast<const char*>(value_->data)[i * width];
  }
  return characters;
}

}  // namespace neurosplat
