#pragma once

#include <string>
#include <string_view>

namespace neurosplat::report {

/// Text as it may stand in HTML, between tags and in quoted attributes: marks escaped; what is no
/// UTF-8, control characters and changes of direction as U+FFFD.
std::string escaped(std::string_view text);

/// The text, cut with an ellipsis after `most` bytes, never within a character.
std::string shortened(std::string_view text, std::size_t most);

/// <NAME ATTRIBUTES>CONTENT</NAME>; both are HTML already.
std::string element(const std::string& name, const std::string& content,
                    const std::string& attributes = "");

/// A number for people, four significant digits: 0.04201, 1.2e-05, 24.06, 103167.
std::string short_number(double value);

}  // namespace neurosplat::report
