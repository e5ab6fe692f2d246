#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace neurosplat {

/// What a run folder may call its operator; the first that is there is read.
inline const std::vector<std::string> kKoopmanFileNames = {"koopman.safetensors", "koopman.pt"};

/// Reads a Koopman operator K, float32 [latent, latent], that foresees the next latent as K z:
/// from a run folder (its koopman.safetensors), a .safetensors file under the name `weight`, or
/// what the reference's trainer writes: koopman.pt, the tensor by itself, or the model.pt of its
/// predictor, `koop.weight`. Throws Error, one line.
at::Tensor load_koopman(const std::filesystem::path& path);

/// Writes koopman.safetensors, whole or not at all, with `more` in its metadata.
void save_koopman(const std::filesystem::path& path, const at::Tensor& koopman,
                  const std::map<std::string, std::string>& more = {});

}  // namespace neurosplat
