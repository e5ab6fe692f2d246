#pragma once

#include <string>
#include <utility>
#include <vector>

#include "neurosplat/serving/web_server.h"

namespace neurosplat {

/// The page's files as compiled in, by path; "/" is the page itself.
std::vector<std::pair<std::string, Reply>> page_files();

}  // namespace neurosplat
