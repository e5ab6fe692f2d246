#include "neurosplat/systems/iterative_vae/model_file.h"

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

constexpr const char* kKind = "iterative-vae";

void expect_described(const std::map<std::string, std::string>& metadata, const char* key,
                      const std::string& value) {
  const auto described = metadata.find(key);
  if (described == metadata.end() || described->second == value) return;
  throw Error(text("the file says ", key, " ", described->second, ", its tensors say ", value));
}

}  // namespace

StoredIterativeVae load_iterative_vae(const std::filesystem::path& path) {
  auto stored = read_stored_model(path, kIterativeVaeFileNames);
  expect_kind(stored, kKind);
  try {
    const auto named = stored.metadata.find("activation");
    const auto sizes = architecture_of(stored.tensors,
                                       named == stored.metadata.end() ? "identity" : named->second);
    expect_described(stored.metadata, "latents_kind", sizes.model);
    expect_described(stored.metadata, "pixels", std::to_string(sizes.pixels));
    expect_described(stored.metadata, "latents", std::to_string(sizes.latents));
    IterativeVae model(sizes);
    model.load_state(stored.tensors);
    return {std::move(model), std::move(stored.file), std::move(stored.metadata)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_iterative_vae(const std::filesystem::path& path, const IterativeVae& model,
                        const std::map<std::string, std::string>& more) {
  const auto& sizes = model.architecture();
  TensorFile file{{}, model_metadata(kKind, more)};
  for (const auto& [name, tensor] : model.state()) file.tensors[name] = tensor.detach();
  file.metadata["latents_kind"] = sizes.model;
  file.metadata["activation"] = sizes.activation;
  file.metadata["pixels"] = std::to_string(sizes.pixels);
  file.metadata["latents"] = std::to_string(sizes.latents);
  write_safetensors(path, file);
}

}  // namespace neurosplat
