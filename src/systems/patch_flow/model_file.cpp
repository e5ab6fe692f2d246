#include "neurosplat/systems/patch_flow/model_file.h"

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

constexpr const char* kKind = "patch-flow";

using Metadata = std::map<std::string, std::string>;

/// Each number of an architecture under its name, for reading and for writing.
template <class Architecture, class Visit>
void visit_numbers(Architecture& sizes, Visit visit) {
  visit("image_size", sizes.image_size);
  visit("patch", sizes.patch);
  visit("width", sizes.width);
  visit("depth", sizes.depth);
  visit("heads", sizes.heads);
  visit("hidden", sizes.hidden);
  visit("splats", sizes.splats);
  visit("depth_gain", sizes.depth_gain);
  visit("colour_limit", sizes.colour_limit);
}

PatchFlowArchitecture architecture_of(const Metadata& metadata) {
  PatchFlowArchitecture sizes;
  sizes.network = described(metadata, "network");
  sizes.head = described(metadata, "head");
  try {
    sizes.kernel = patches::kernel_from_name(described(metadata, "kernel"));
    sizes.sharing = patches::sharing_from_name(described(metadata, "sharing"));
    // Files from before there were conditions do not name them.
    if (metadata.contains("vision")) sizes.vision = metadata.at("vision");
    if (metadata.contains("semantic")) sizes.semantic = metadata.at("semantic");
    visit_numbers(sizes, [&](const char* key, auto& field) { read_number(metadata, key, field); });
    check(sizes);
  } catch (const UsageError& error) {
    throw Error(text("metadata: ", error.what()));
  }
  return sizes;
}

/// Of the blocks and the last layer; the author's network has six square layers a block.
std::int64_t least_numbers(const PatchFlowArchitecture& sizes) {
  const auto mixing = 4 * sizes.width * sizes.width;
  const auto own =
      sizes.network == "modulated" ? 3 * sizes.width * sizes.hidden : 2 * sizes.width * sizes.width;
  return sizes.depth * (mixing + own) + sizes.width * sizes.numbers();
}

}  // namespace

StoredPatchFlow load_patch_flow(const std::filesystem::path& path) {
  auto stored = read_stored_model(path, kPatchFlowFileNames);
  expect_kind(stored, kKind);
  try {
    const auto sizes = architecture_of(stored.metadata);
    expect_numbers(stored, least_numbers(sizes));
    PatchFlow model(sizes);
    model.load_state(stored.tensors);
    return {std::move(model), std::move(stored.file), std::move(stored.metadata)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_patch_flow(const std::filesystem::path& path, const PatchFlow& model,
                     const Metadata& more) {
  const auto& sizes = model.architecture();
  TensorFile file{{}, model_metadata(kKind, more)};
  for (const auto& [name, tensor] : model.state()) file.tensors[name] = tensor.detach();
  file.metadata["network"] = sizes.network;
  file.metadata["head"] = sizes.head;
  file.metadata["kernel"] = patches::name_of(sizes.kernel);
  file.metadata["sharing"] = patches::name_of(sizes.sharing);
  if (sizes.vision != "none") file.metadata["vision"] = sizes.vision;
  if (sizes.semantic != "none") file.metadata["semantic"] = sizes.semantic;
  visit_numbers(sizes,
                [&](const char* key, const auto& field) { file.metadata[key] = text(field); });
  write_safetensors(path, file);
}

}  // namespace neurosplat
