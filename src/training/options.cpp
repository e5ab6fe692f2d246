#include "neurosplat/training/options.h"

#include <fstream>
#include <system_error>

namespace neurosplat {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 24U;
/// The library goes down as deep as the brackets when it writes what it read.
constexpr int kDeepest = 64;

}  // namespace

std::string options_detail::shown(const nlohmann::json& value) {
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

nlohmann::json read_json_file(const std::filesystem::path& path) {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  std::ifstream in(path);
  if (failed || !in) throw Error(text(path.string(), ": expected a JSON file, cannot read it"));
  if (bytes > kMostBytes) {
    throw Error(
        text(path.string(), ": expected JSON of at most ", kMostBytes, " bytes, got ", bytes));
  }
  const auto guard = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth <= kDeepest) return true;
    throw Error(text(path.string(), ": expected JSON of at most ", kDeepest, " levels"));
  };
  try {
    return nlohmann::json::parse(in, guard);
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(text(path.string(), ": not JSON at byte ", error.byte));
  } catch (const nlohmann::json::exception& error) {  // a number beyond any double, say
    throw Error(text(path.string(), ": cannot be read as JSON: ", printable(error.what())));
  }
}

}  // namespace neurosplat
