#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace neurosplat {

/// Text from a file or a socket made fit for one line of a message: everything but plain ASCII
/// escaped, cut to 80 bytes.
std::string printable(std::string_view untrusted);

/// The same of several texts, commas between them, 50 at most: "a, b and 3 more".
std::string printable_list(const std::vector<std::string>& untrusted);

}  // namespace neurosplat
