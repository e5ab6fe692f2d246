#include "io/npy_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 9> kTypes = {{
    {"<f8", c10::ScalarType::Double},
    {"<f4", c10::ScalarType::Float},
    {"<f2", c10::ScalarType::Half},
    {"<i8", c10::ScalarType::Long},
    {"<i4", c10::ScalarType::Int},
    {"<i2", c10::ScalarType::Short},
    {"|i1", c10::ScalarType::Char},
    {"|u1", c10::ScalarType::Byte},
    {"|b1", c10::ScalarType::Bool},
}};
constexpr std::size_t kMostDimensions = 32;  // NumPy's own limit

/// Reads the header from left to right: a Python dictionary, of which only what NumPy writes is
/// understood.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  /// Whether `token` comes next; it is taken then. Blanks before it do not count.
  bool take(std::string_view token) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) {
      throw Error(text("its header has ", printable(rest_.substr(0, 16)), " where ", token,
                       " should stand"));
    }
  }

  std::string_view quoted() {
    expect("'");
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos) throw Error("its header ends inside quotes");
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return word;
  }

  std::int64_t size() {
    take("");
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      if (value > (std::numeric_limits<std::int64_t>::max() - 9) / 10)
        throw Error("its header claims a size beyond 63 bits");
      value = 10 * value + (rest_[digits] - '0');
    }
    if (digits == 0)
      throw Error(text("its header has ", printable(rest_.substr(0, 16)), " instead of a size"));
    rest_.remove_prefix(digits);
    return value;
  }

  bool at_end() { return take("") && rest_.empty(); }

 private:
  std::string_view rest_;
};

c10::ScalarType type_of(std::string_view name) {
  for (const auto& [known, type] : kTypes)
    if (name == known) return type;
  throw Error(text("its numbers are of type ", printable(name),
                   ", which is none of <f8 <f4 <f2 <i8 <i4 <i2 |i1 |u1 |b1"));
}

std::vector<std::int64_t> shape_of(Reader& reader) {
  std::vector<std::int64_t> shape;
  reader.expect("(");
  while (!reader.take(")")) {
    if (shape.size() == kMostDimensions) throw Error("its header claims too many dimensions");
    shape.push_back(reader.size());
    if (!reader.take(",")) {
      reader.expect(")");
      if (shape.size() == 1) throw Error("its header gives its shape as a number, not a tuple");
      break;
    }
  }
  return shape;
}

void check_size(const NpyHeader& header, std::uint64_t payload) {
  std::uint64_t bytes = c10::elementSize(header.dtype);
  const bool empty = std::count(header.shape.begin(), header.shape.end(), 0) > 0;
  for (const auto length : header.shape) {
    if (empty) break;
    const auto factor = static_cast<std::uint64_t>(length);
    if (bytes > payload / factor + 1) throw Error("its header claims more numbers than it has");
    bytes *= factor;
  }
  if (empty) bytes = 0;
  if (bytes != payload)
    throw Error(text("its header claims ", bytes, " bytes of numbers, it has ", payload));
}

}  // namespace

NpyHeader parse_npy_header(std::string_view header, std::uint64_t payload) {
  Reader reader(header);
  NpyHeader result{};
  std::array<bool, 3> seen{};
  const auto once = [&](std::size_t key) {
    if (std::exchange(seen[key], true)) throw Error("its header names a key twice");
  };
  reader.expect("{");
  while (!reader.take("}")) {
    const auto key = reader.quoted();
    reader.expect(":");
    if (key == "descr") {
      once(0);
      result.dtype = type_of(reader.quoted());
    } else if (key == "fortran_order") {
      once(1);
      if (reader.take("True"))
        throw Error("its numbers lie in Fortran order; save numpy.ascontiguousarray(...)");
      reader.expect("False");
    } else if (key == "shape") {
      once(2);
      result.shape = shape_of(reader);
    } else {
      throw Error(text("its header has an unknown key ", printable(key)));
    }
    if (!reader.take(",")) {
      reader.expect("}");
      break;
    }
  }
  if (!reader.at_end()) throw Error("its header goes on after the closing brace");
  if (!seen[0] || !seen[1] || !seen[2])
    throw Error("its header lacks descr, fortran_order or shape");
  check_size(result, payload);
  return result;
}

}  // namespace neurosplat
