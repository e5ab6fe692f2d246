#include "neurosplat/systems/waveform/model_file.h"

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

constexpr const char* kKind = "waveform-ae";
constexpr std::int64_t kAuthorsLastLayer = 512;  // its inputs (author_networks.cpp)

using Metadata = std::map<std::string, std::string>;

/// Each number of an architecture under its name, for reading and for writing.
template <class Architecture, class Visit>
void visit_numbers(Architecture& sizes, Visit visit) {
  visit("image_size", sizes.image_size);
  visit("latent", sizes.latent);
  visit("electrodes", sizes.electrodes);
  visit("samples", sizes.samples);
  visit("width", sizes.width);
}

WaveformArchitecture architecture_of(const Metadata& metadata) {
  WaveformArchitecture sizes;
  sizes.network = described(metadata, "network");
  sizes.waveform_encoder = described(metadata, "waveform_encoder");
  sizes.image_head = described(metadata, "image_head");
  sizes.linear_code = described(metadata, "linear_code") == "true";
  sizes.leaky_skips = described(metadata, "leaky_skips") == "true";
  visit_numbers(sizes, [&](const char* key, auto& field) { read_number(metadata, key, field); });
  try {
    check(sizes);
  } catch (const UsageError& error) {
    throw Error(text("metadata: ", error.what()));
  }
  return sizes;
}

/// Of the layer that ends in a waveform, and of the linear code.
std::int64_t least_numbers(const WaveformArchitecture& sizes) {
  const auto waveform = sizes.electrodes * sizes.samples;
  if (sizes.network != "ours") return kAuthorsLastLayer * waveform;
  const auto code = sizes.linear_code ? 3 * sizes.image_size * sizes.image_size : 0;
  return sizes.latent * (waveform + code);
}

}  // namespace

StoredWaveformAutoencoder load_waveform_autoencoder(const std::filesystem::path& path) {
  auto stored = read_stored_model(path, kWaveformFileNames);
  expect_kind(stored, kKind);
  try {
    const auto sizes = architecture_of(stored.metadata);
    expect_numbers(stored, least_numbers(sizes));
    WaveformAutoencoder model(sizes);
    model.load_state(stored.tensors);
    return {std::move(model), std::move(stored.file), std::move(stored.metadata)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_waveform_autoencoder(const std::filesystem::path& path, const WaveformAutoencoder& model,
                               const Metadata& more) {
  const auto& sizes = model.architecture();
  TensorFile file{{}, model_metadata(kKind, more)};
  for (const auto& [name, tensor] : model.state()) {
    file.tensors[name] = tensor.detach().contiguous();
  }
  file.metadata["network"] = sizes.network;
  file.metadata["waveform_encoder"] = sizes.waveform_encoder;
  file.metadata["image_head"] = sizes.image_head;
  file.metadata["linear_code"] = sizes.linear_code ? "true" : "false";
  file.metadata["leaky_skips"] = sizes.leaky_skips ? "true" : "false";
  visit_numbers(sizes,
                [&](const char* key, const auto& field) { file.metadata[key] = text(field); });
  write_safetensors(path, file);
}

}  // namespace neurosplat
