#include "report/embedded_files.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::report {
namespace {

struct File {
  std::string_view name, bytes;
};

constexpr File kFiles[] = {
#include "embedded/report.inc"
};

}  // namespace

std::string_view embedded_file(std::string_view name) {
  for (const auto& file : kFiles) {
    if (file.name == name) return file.bytes;
  }
  throw Error(text("expected a file that is compiled in, there is no ", name));
}

}  // namespace neurosplat::report
