#pragma once

#include <iomanip>
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

/// A number with a fixed count of decimals.
inline std::string fixed(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

}  // namespace neurosplat
