#include "page/page_files.h"

#include <string_view>

#include "neurosplat/core/text.h"
#include "neurosplat/page/live_page.h"

namespace neurosplat {
namespace {

struct File {
  std::string_view name, bytes;
};

constexpr File kFiles[] = {
#include "embedded/page.inc"
};

std::string type_of(std::string_view name) {
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (ends(".html")) return "text/html; charset=utf-8";
  if (ends(".css")) return "text/css; charset=utf-8";
  if (ends(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

}  // namespace

Reply page_file(std::string_view name, std::string_view bytes) {
  return {200, type_of(name), std::string(bytes)};
}

std::vector<std::pair<std::string, Reply>> page_files() {
  std::vector<std::pair<std::string, Reply>> files;
  for (const auto& [name, bytes] : kFiles) {
    const auto path = name == "index.html" ? std::string("/") : text('/', name);
    files.emplace_back(path, page_file(name, bytes));
  }
  return files;
}

}  // namespace neurosplat
