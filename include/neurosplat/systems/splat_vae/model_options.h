#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>

/// Options of every command that reads a splat VAE.
namespace neurosplat::apps {

/// --model (--model-path); left out, the one that is shipped, see shipped_model().
void add_model_option(CLI::App& command, std::filesystem::path& model);
/// --refine STEPS: SplatVae::refining().
void add_refine_option(CLI::App& command, std::int64_t& steps);

/// flowers-128.safetensors where shipped_file() finds it: beside the executable, in the prefix that
/// it is installed in, or in the source tree that it was built from. Throws UsageError, which asks
/// for
/// --model, where there is none.
std::filesystem::path shipped_model();

}  // namespace neurosplat::apps
