#include "neurosplat/systems/splat_vae/model_file.h"

#include <ATen/core/Tensor.h>

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKind = "splat-vae";

void check_description(const std::map<std::string, std::string>& metadata,
                       const SplatVaeArchitecture& found) {
  const auto expect = [&](const char* key, const std::string& value) {
    const auto described = metadata.find(key);
    if (described == metadata.end() || described->second == value) return;
    throw Error(text("the file says ", key, " ", described->second, ", its tensors say ", value));
  };
  expect("image_size", std::to_string(found.image_size));
  expect("num_packets", std::to_string(found.packets));
  expect("latent", std::to_string(found.latent));
}

}  // namespace

SplatVae load_splat_vae(const fs::path& given) {
  return load_described_splat_vae(given).model;
}

DescribedSplatVae load_described_splat_vae(const fs::path& given) {
  auto stored = read_stored_model(given, kModelFileNames);
  expect_kind(stored, kKind);
  try {
    const auto architecture = infer_architecture(stored.tensors);
    check_description(stored.metadata, architecture);
    SplatVae model(architecture);
    model.load_state(stored.tensors);
    model.train(false);
    auto prior = prior_of(stored.tensors, architecture.latent);
    auto flow = flow_of(stored.tensors, architecture.latent);
    return {std::move(model), std::move(stored.file), std::move(stored.metadata), std::move(prior),
            std::move(flow)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_splat_vae(const fs::path& path, const SplatVae& model,
                    const std::map<std::string, std::string>& more,
                    const std::optional<LatentPrior>& prior,
                    const std::optional<LatentFlow>& flow) {
  const auto& architecture = model.architecture();
  TensorFile file{model.state(), model_metadata(kKind, more)};
  file.metadata["image_size"] = std::to_string(architecture.image_size);
  file.metadata["num_packets"] = std::to_string(architecture.packets);
  file.metadata["latent"] = std::to_string(architecture.latent);
  if (prior) add_prior(*prior, file.tensors);
  if (flow) add_flow(*flow, file.tensors);
  write_safetensors(path, file);
}

}  // namespace neurosplat
