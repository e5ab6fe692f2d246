#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

/// What fuzzing asks of everything that reads: bytes from anywhere are read, or refused by an Error
/// of one line. The same functions are run by libFuzzer (target.cpp) and, on the cases that are
/// kept, by an ordinary test (corpora_test.cpp).
namespace neurosplat::fuzz {

using Bytes = std::span<const std::uint8_t>;

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What was read contradicts itself: a fault of the reader.
class Broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void expect(bool holds, const char* what) {
  if (!holds) throw Broken(what);
}

/// Hands the bytes to what reads. Lets Errors through; throws Broken for a promise that was not
/// kept.
using Reader = void (*)(Bytes bytes);

struct NamedReader {
  std::string_view name;  ///< of the target fuzz_NAME and of its folder in tests/corpora
  Reader read;
};

/// Which error was thrown matters to tests of their own; here: none, or one that may be shown on a
/// terminal's line. Empty where it is so.
std::string fault_of(Reader read, Bytes bytes);

}  // namespace neurosplat::fuzz
