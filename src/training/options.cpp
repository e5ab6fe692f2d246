#include "neurosplat/training/options.h"

#include <fstream>

namespace neurosplat {

nlohmann::json read_json_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw Error(text(path.string(), ": expected a JSON file, cannot read it"));
  try {
    return nlohmann::json::parse(in);
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(text(path.string(), ": not JSON at byte ", error.byte));
  } catch (const nlohmann::json::exception& error) {  // a number beyond any double, say
    throw Error(text(path.string(), ": cannot be read as JSON: ", error.what()));
  }
}

}  // namespace neurosplat
