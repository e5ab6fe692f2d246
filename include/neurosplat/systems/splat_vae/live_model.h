#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/live/mode_switch.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

/// A splat VAE that sees frames live.
namespace neurosplat::apps {

/// Sizes that the reference needs named; here the model knows them, and a wrong one is an error.
struct ModelSizes {
  std::optional<std::int64_t> image_size, packets, latent;
};
void add_size_options(CLI::App& command, ModelSizes& sizes);
/// The model of --model, else the shipped one, on `device`, its sizes checked, refining by `refine`
/// steps; for a smoke run a small random one. Throws UsageError when there is none.
SplatVae read_model(const std::filesystem::path& model, bool smoke, const std::string& device,
                    const ModelSizes& sizes, std::int64_t refine);

/// A way of seeing that a program offers: its name, and what makes it of the model that a command
/// was given, nothing where none was.
struct ModelMode {
  std::string name;
  std::function<ModeActions(const std::optional<SplatVae>&)> make;
};
/// The model, where there is one; throws Error that says that `mode` cannot be had without.
const SplatVae& needed_model(const std::optional<SplatVae>& model, const std::string& mode);
std::vector<std::string> names_of(const std::vector<ModelMode>& modes);
std::vector<LiveMode> with_model(const std::vector<ModelMode>& modes,
                                 const std::optional<SplatVae>& model);

}  // namespace neurosplat::apps
