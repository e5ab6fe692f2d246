#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/systems/hierarchical_vae/hierarchical_vae.h"

namespace neurosplat {

/// What a run folder calls its model.
inline const std::vector<std::string> kHierarchicalVaeFileNames = {"model.safetensors"};

/// What its metadata call it, as `model`.
inline constexpr const char* kHierarchicalVaeKind = "hierarchical-vae";

struct StoredHierarchicalVae {
  HierarchicalVae model;
  std::filesystem::path file;
  std::map<std::string, std::string> metadata;
};

/// Reads a run folder or a .safetensors file, in half precision or single. Throws Error, one line
/// that names the file, when it holds another kind of model, when its metadata describe none that
/// can be built, and when its tensors are not those of the model described.
StoredHierarchicalVae load_hierarchical_vae(const std::filesystem::path& path);

/// Writes the weights and what they mean, with `more` in the metadata, whole or not at all.
void save_hierarchical_vae(const std::filesystem::path& path, const HierarchicalVae& model,
                           const std::map<std::string, std::string>& more);

}  // namespace neurosplat
