#pragma once

#include <string_view>

namespace neurosplat::report {

/// A file of this folder that is compiled in. Throws Error for a name that is not.
std::string_view embedded_file(std::string_view name);

}  // namespace neurosplat::report
