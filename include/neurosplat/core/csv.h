#pragma once

#include <string>

namespace neurosplat {

/// `value` as a field of a line of CSV (RFC 4180): in quotes, quotes in it doubled, where it holds
/// a comma, a quote or the end of a line; else as it is.
std::string csv_field(const std::string& value);

}  // namespace neurosplat
