#include "neurosplat/program/shipped_file.h"

#include <system_error>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::apps {

namespace fs = std::filesystem;

fs::path shipped_file(const std::string& name) {
  std::error_code failed;
  const auto beside = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const auto& folder :
       {beside / "models", beside.parent_path() / "share" / "neurosplat" / "models",
        fs::path(NEUROSPLAT_SOURCE_FOLDER) / "models"}) {
    const auto file = folder / name;
    if (fs::is_regular_file(file, failed)) return file;
  }
  throw UsageError(text("expected --model PATH, there is no shipped ", name, ": train one"));
}

}  // namespace neurosplat::apps
