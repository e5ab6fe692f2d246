#include "report/limited_json.h"

#include <fstream>
#include <system_error>

namespace neurosplat::report {
namespace {

constexpr int kDeepest = 12;

}  // namespace

std::optional<std::string> bytes_of(const std::filesystem::path& path, std::uint64_t most) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return std::nullopt;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed || size > most) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return std::nullopt;
  return bytes;
}

nlohmann::ordered_json object_in(std::string_view text) {
  bool too_deep = false;
  const auto keep = [&](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) {
    too_deep = too_deep || depth > kDeepest;
    return depth <= kDeepest;
  };
  auto json = nlohmann::ordered_json::parse(text, keep, /*allow_exceptions=*/false);
  if (too_deep || !json.is_object()) return nullptr;
  return json;
}

}  // namespace neurosplat::report
