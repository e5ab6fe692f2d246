#include "neurosplat/io/mat_integers.h"

#include <matio.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include "io/mat_guard.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::uintmax_t most_bytes = std::uintmax_t{1} << 22U;

using MatFile = std::unique_ptr<mat_t, int (*)(mat_t*)>;
using MatVariable = std::unique_ptr<matvar_t, void (*)(matvar_t*)>;

bool is_harmless(const std::filesystem::path& path, std::size_t most_values) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed) ||
      std::filesystem::file_size(path, failed) > most_bytes)
    return false;
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  return holds_only_small_matrices(bytes, most_values);
}

template <class Number>
std::vector<double> numbers(const matvar_t& variable, std::size_t count) {
  if (variable.data == nullptr || variable.nbytes != count * sizeof(Number)) return {};
  const auto* first = static_cast<const Number*>(variable.data);
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(first[i]);
  return values;
}

// Empty when the class is not numeric or the data is not of the size that was announced.
std::vector<double> numbers(const matvar_t& variable, std::size_t count) {
  switch (variable.class_type) {
    case MAT_C_DOUBLE:
      return numbers<double>(variable, count);
    case MAT_C_SINGLE:
      return numbers<float>(variable, count);
    case MAT_C_INT8:
      return numbers<std::int8_t>(variable, count);
    case MAT_C_UINT8:
      return numbers<std::uint8_t>(variable, count);
    case MAT_C_INT16:
      return numbers<std::int16_t>(variable, count);
    case MAT_C_UINT16:
      return numbers<std::uint16_t>(variable, count);
    case MAT_C_INT32:
      return numbers<std::int32_t>(variable, count);
    case MAT_C_UINT32:
      return numbers<std::uint32_t>(variable, count);
    case MAT_C_INT64:
      return numbers<std::int64_t>(variable, count);
    case MAT_C_UINT64:
      return numbers<std::uint64_t>(variable, count);
    default:
      return {};
  }
}

// 0 for what is no vector of an acceptable length.
std::size_t vector_length(const matvar_t& variable, std::size_t most_values) {
  if (variable.rank != 2 || variable.dims == nullptr || variable.isComplex != 0) return 0;
  const auto rows = variable.dims[0], columns = variable.dims[1];
  if (rows != 1 && columns != 1) return 0;
  const auto length = rows == 1 ? columns : rows;
  return length <= most_values ? length : 0;
}

}  // namespace

std::vector<std::int64_t> read_mat_integers(const std::filesystem::path& path,
                                            const std::string& variable, std::int64_t least,
                                            std::int64_t most, std::size_t most_values) {
  const auto refuse = [&](const std::string& got) {
    return Error(text("expected ", path.string(), " to be a MATLAB 5 file with the vector ",
                      variable, " of at most ", most_values, " whole numbers from ", least, " to ",
                      most, ", ", got, ": fetch the file again"));
  };
  if (!is_harmless(path, most_values)) throw refuse("it is another kind of file or damaged");
  const MatFile file(Mat_Open(path.c_str(), MAT_ACC_RDONLY), Mat_Close);
  if (file == nullptr) throw refuse("it cannot be opened");
  const MatVariable found(Mat_VarReadInfo(file.get(), variable.c_str()), Mat_VarFree);
  if (found == nullptr) throw refuse("it has no such variable");
  const auto length = vector_length(*found, most_values);
  if (length == 0) throw refuse("its shape is another");
  if (Mat_VarReadDataAll(file.get(), found.get()) != 0) throw refuse("it cannot be read");
  const auto values = numbers(*found, length);
  if (values.empty()) throw refuse("it holds something else");
  std::vector<std::int64_t> integers;
  for (const auto value : values) {
    if (!(value >= static_cast<double>(least) && value <= static_cast<double>(most)) ||
        value != std::floor(value))
      throw refuse(text("it holds ", value));
    integers.push_back(static_cast<std::int64_t>(value));
  }
  return integers;
}

}  // namespace neurosplat
