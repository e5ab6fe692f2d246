#include "neurosplat/core/printable.h"

namespace neurosplat {

std::string printable(std::string_view untrusted) {
  constexpr std::size_t longest = 80;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  for (const char letter : untrusted.substr(0, longest)) {
    const auto code = static_cast<unsigned char>(letter);
    if (code >= 0x20 && code < 0x7f)
      line += letter;
    else
      line += std::string("\\x") + digits[code >> 4U] + digits[code & 15U];
  }
  return untrusted.size() > longest ? line + "..." : line;
}

std::string printable_list(const std::vector<std::string>& untrusted) {
  constexpr std::size_t most = 50;
  std::string list;
  for (std::size_t i = 0; i < untrusted.size() && i < most; ++i) {
    list += (i == 0 ? "" : ", ") + printable(untrusted[i]);
  }
  if (untrusted.size() > most) list += " and " + std::to_string(untrusted.size() - most) + " more";
  return list;
}

}  // namespace neurosplat
