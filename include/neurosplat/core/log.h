#pragma once

#include <string>

/// One line to standard error. spdlog stays behind this header: LibTorch carries an fmt of
/// another version, and the two must not meet in one file.
namespace neurosplat::log {

void info(const std::string& line);
void warn(const std::string& line);
void error(const std::string& line);

/// From now on errors alone, and no progress lines: of several processes one is enough to speak.
void keep_quiet();
bool is_quiet();

}  // namespace neurosplat::log
