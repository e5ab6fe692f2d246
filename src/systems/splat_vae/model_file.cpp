#include "neurosplat/systems/splat_vae/model_file.h"

#include <ATen/core/Tensor.h>

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/io/torch_checkpoint.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModelName = "splat-vae";

fs::path model_path(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(text(path.string(),
                     ": no such file or folder; expected a run folder, a .safetensors file or a "
                     "PyTorch model.pt"));
  }
  if (!fs::is_directory(path, ignored)) return path;
  for (const auto& name : kModelFileNames) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw Error(text(path.string(), ": expected a run folder with model.safetensors in it"));
}

void check_description(const std::map<std::string, std::string>& metadata,
                       const SplatVaeArchitecture& found) {
  const auto expect = [&](const char* key, const std::string& value) {
    const auto described = metadata.find(key);
    if (described == metadata.end() || described->second == value) return;
    throw Error(text("the file says ", key, " ", described->second, ", its tensors say ", value));
  };
  expect("model", kModelName);
  expect("image_size", std::to_string(found.image_size));
  expect("num_packets", std::to_string(found.packets));
  expect("latent", std::to_string(found.latent));
}

}  // namespace

SplatVae load_splat_vae(const fs::path& given) {
  return load_described_splat_vae(given).model;
}

DescribedSplatVae load_described_splat_vae(const fs::path& given) {
  const fs::path path = model_path(given);
  const auto extension = path.extension();
  TensorFile file;
  if (extension == ".pt" || extension == ".pth") {
    file.tensors = read_torch_state_dict(path);
  } else {
    file = read_safetensors(path);
  }
  try {
    const auto architecture = infer_architecture(file.tensors);
    check_description(file.metadata, architecture);
    SplatVae model(architecture);
    model.load_state(file.tensors);
    model.train(false);
    return {std::move(model), path, std::move(file.metadata)};
  } catch (const Error& error) {
    throw Error(text(path.string(), ": ", error.what()));
  }
}

void save_splat_vae(const fs::path& path, const SplatVae& model,
                    const std::map<std::string, std::string>& more) {
  const auto& architecture = model.architecture();
  TensorFile file{model.state(), more};
  file.metadata["model"] = kModelName;
  file.metadata["image_size"] = std::to_string(architecture.image_size);
  file.metadata["num_packets"] = std::to_string(architecture.packets);
  file.metadata["latent"] = std::to_string(architecture.latent);
  file.metadata["neurosplat_version"] = NEUROSPLAT_VERSION;
  write_safetensors(path, file);
}

}  // namespace neurosplat
