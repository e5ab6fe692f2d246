#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/systems/patch_flow/patch_flow.h"

namespace neurosplat {

/// What a run folder calls its model.
inline const std::vector<std::string> kPatchFlowFileNames = {"model.safetensors"};

struct StoredPatchFlow {
  PatchFlow model;
  std::filesystem::path file;
  std::map<std::string, std::string> metadata;
};

/// Reads a run folder or a .safetensors file, in half precision or single. Throws Error, one line
/// that names the file, when it holds another kind of model, when its metadata describe none that
/// can be built, and when its tensors are not those of the model described.
StoredPatchFlow load_patch_flow(const std::filesystem::path& path);

/// Writes the weights and what they mean, with `more` in the metadata, whole or not at all.
void save_patch_flow(const std::filesystem::path& path, const PatchFlow& model,
                     const std::map<std::string, std::string>& more);

}  // namespace neurosplat
