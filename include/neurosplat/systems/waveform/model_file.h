#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "neurosplat/systems/waveform/waveform_autoencoder.h"

namespace neurosplat {

/// What a run folder calls its model.
inline const std::vector<std::string> kWaveformFileNames = {"model.safetensors"};

struct StoredWaveformAutoencoder {
  WaveformAutoencoder model;
  std::filesystem::path file;
  std::map<std::string, std::string> metadata;
};

/// Reads a run folder or a .safetensors file, in half precision or single. Throws Error, one line
/// that names the file, when it holds another kind of model, when its metadata describe none that
/// can be built, and when its tensors are not those of the model described.
StoredWaveformAutoencoder load_waveform_autoencoder(const std::filesystem::path& path);

/// Writes the weights and what they mean, with `more` in the metadata, whole or not at all.
void save_waveform_autoencoder(const std::filesystem::path& path, const WaveformAutoencoder& model,
                               const std::map<std::string, std::string>& more);

}  // namespace neurosplat
