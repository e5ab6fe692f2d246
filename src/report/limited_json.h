#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace neurosplat::report {

/// A regular file's bytes, nothing where it is missing, unreadable or longer than `most`.
std::optional<std::string> bytes_of(const std::filesystem::path& path, std::uint64_t most);

/// An object of at most 12 levels; null where the text is something else, or broken.
nlohmann::ordered_json object_in(std::string_view text);

}  // namespace neurosplat::report
