#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/splat_vae/latent_flow.h"
#include "neurosplat/systems/splat_vae/latent_prior.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// What a run folder may call its model; the first that is there is read.
inline const std::vector<std::string> kModelFileNames = {"model.safetensors", "model.pt"};

/// Reads a splat VAE from a run folder (kModelFileNames), a .safetensors file or the reference's
/// PyTorch state dict (.pt, .pth; alone or in a checkpoint, see torch_checkpoint.h), of any float
/// dtype. Sizes are inferred from the tensors and must agree with the file's own description where
/// it has one. The model is on the CPU, in evaluation mode. Throws Error, one line.
SplatVae load_splat_vae(const std::filesystem::path& path);

/// The same with what the file says of the model, e.g. `epoch`; nothing for a PyTorch state dict.
struct DescribedSplatVae {
  SplatVae model;
  std::filesystem::path file;  ///< the file itself, also where a run folder was given
  std::map<std::string, std::string> metadata;
  std::optional<LatentPrior> prior;  ///< fitted to the training pictures
  std::optional<LatentFlow> flow;    ///< from that Gaussian to their latents
};
DescribedSplatVae load_described_splat_vae(const std::filesystem::path& path);

/// Writes model.safetensors with its architecture in the metadata (`model`, `image_size`,
/// `num_packets`, `latent`, `neurosplat_version`) and `more` beside it, and its prior and the flow
/// from it where it has them.
void save_splat_vae(const std::filesystem::path& path, const SplatVae& model,
                    const std::map<std::string, std::string>& more = {},
                    const std::optional<LatentPrior>& prior = {},
                    const std::optional<LatentFlow>& flow = {});

}  // namespace neurosplat
