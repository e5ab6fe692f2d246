#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/systems/spike_decoder/latent_space.h"

namespace neurosplat::apps {

/// --latents: names of open_latent_space(), between commas.
void add_latents_option(CLI::App& command, std::string& latents);

/// What these names read, for Outputs: folders and files of models, of scripts and of features.
std::vector<std::pair<std::string, std::filesystem::path>> latent_inputs(
    const std::string& latents);

/// The spaces named; where none are, those of the shipped models and pixels. At least one.
std::vector<LatentSpace> latent_spaces(const std::string& latents, std::int64_t side);

/// The first of them. Throws UsageError where it draws no picture.
LatentSpace latent_space(const std::string& latents, std::int64_t side);

}  // namespace neurosplat::apps
