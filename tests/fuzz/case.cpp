#include "fuzz/case.h"

#include <algorithm>
#include <exception>

#include "neurosplat/core/error.h"

namespace neurosplat::fuzz {
namespace {

constexpr std::size_t kLongest = 4096;

std::string fault_of_message(std::string_view message) {
  if (message.empty()) return "an Error without a message";
  if (message.size() > kLongest) return "an Error of more than 4096 bytes";
  const bool plain = std::none_of(message.begin(), message.end(), [](char letter) {
    const auto code = static_cast<unsigned char>(letter);
    return code < 0x20 || code == 0x7f;
  });
  return plain ? "" : "an Error with control characters: " + std::string(message);
}

}  // namespace

std::string fault_of(Reader read, Bytes bytes) {
  try {
    read(bytes);
    return {};
  } catch (const Error& error) {
    return fault_of_message(error.what());
  } catch (const Broken& broken) {
    return std::string("a broken promise: ") + broken.what();
  } catch (const std::exception& other) {
    return std::string("an exception that is no Error: ") + other.what();
  }
}

}  // namespace neurosplat::fuzz
