#include "neurosplat/systems/hierarchical_vae/model_file.h"

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/hierarchical_vae/hierarchical_vae_config.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

using Metadata = std::map<std::string, std::string>;

HierarchicalVaeArchitecture architecture_of(const Metadata& metadata) {
  HierarchicalVaeArchitecture sizes;
  read_number(metadata, "image_size", sizes.image_size);
  read_number(metadata, "width", sizes.width);
  read_number(metadata, "latent_channels", sizes.latent_channels);
  try {
    sizes.blocks = numbers_of("blocks", described(metadata, "blocks"));
    sizes.encoder_blocks = numbers_of("encoder_blocks", described(metadata, "encoder_blocks"));
    check(sizes);
  } catch (const UsageError& error) {
    throw Error(text("metadata: ", error.what()));
  }
  return sizes;
}

/// Of the blocks: each at least narrows `width` channels to a quarter and widens them again.
std::int64_t least_numbers(const HierarchicalVaeArchitecture& sizes) {
  std::int64_t blocks = 0;
  for (const auto& levels : {sizes.blocks, sizes.encoder_blocks}) {
    for (const auto count : levels) blocks += count;
  }
  return blocks * sizes.width * sizes.width / 2;
}

}  // namespace

StoredHierarchicalVae load_hierarchical_vae(const std::filesystem::path& path) {
  auto stored = read_stored_model(path, kHierarchicalVaeFileNames);
  expect_kind(stored, kHierarchicalVaeKind);
  try {
    const auto sizes = architecture_of(stored.metadata);
    expect_numbers(stored, least_numbers(sizes));
    HierarchicalVae model(sizes);
    model.load_state(stored.tensors);
    return {std::move(model), std::move(stored.file), std::move(stored.metadata)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_hierarchical_vae(const std::filesystem::path& path, const HierarchicalVae& model,
                           const Metadata& more) {
  const auto& sizes = model.architecture();
  TensorFile file{{}, model_metadata(kHierarchicalVaeKind, more)};
  for (const auto& [name, tensor] : model.state()) {
    file.tensors[name] = tensor.detach().contiguous();
  }
  file.metadata["image_size"] = text(sizes.image_size);
  file.metadata["width"] = text(sizes.width);
  file.metadata["latent_channels"] = text(sizes.latent_channels);
  file.metadata["blocks"] = list_of(sizes.blocks);
  file.metadata["encoder_blocks"] = list_of(sizes.encoder_blocks);
  write_safetensors(path, file);
}

}  // namespace neurosplat
