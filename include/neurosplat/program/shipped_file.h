#pragma once

#include <filesystem>
#include <string>

namespace neurosplat::apps {

/// The model `name` that is shipped, in the first of these folders that has it: models/ beside the
/// executable, share/neurosplat/models/ of the prefix it is installed in, models/ of the source
/// tree it was built from. Throws UsageError, which asks for --model, where there is none.
std::filesystem::path shipped_file(const std::string& name);

}  // namespace neurosplat::apps
