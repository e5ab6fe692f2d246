#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// What a run folder calls its model.
inline const std::vector<std::string> kIterativeVaeFileNames = {"model.safetensors"};

struct StoredIterativeVae {
  IterativeVae model;
  std::filesystem::path file;
  std::map<std::string, std::string> metadata;  ///< `epoch`, `dataset`, `t_train`, `beta`, ...
};

/// Reads a run folder or a .safetensors file. Throws Error, one line, when it is missing, of
/// another system, or its tensors and its description do not agree.
StoredIterativeVae load_iterative_vae(const std::filesystem::path& path);

/// Writes the weights, whole or not at all; `more` beside kind, activation and sizes in the
/// metadata.
void save_iterative_vae(const std::filesystem::path& path, const IterativeVae& model,
                        const std::map<std::string, std::string>& more = {});

}  // namespace neurosplat
