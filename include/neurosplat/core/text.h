#pragma once

#include <sstream>
#include <string>

namespace neurosplat {

/// The arguments written one after the other, as `<<` writes them.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace neurosplat
