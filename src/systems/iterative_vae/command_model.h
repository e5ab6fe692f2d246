#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/iterative_vae/model_file.h"

/// What commands have in common that measure or run an iterative VAE.
namespace neurosplat::apps {

/// --model (--model-path); left out, ivae-poisson.safetensors as shipped_file() finds it.
void add_iterative_vae_option(CLI::App& command, std::filesystem::path& model);

/// The model of --model. Throws as load_iterative_vae and shipped_file.
StoredIterativeVae read_iterative_vae(const std::filesystem::path& model);

/// A model and a folder for what is found.
struct MeasuringOptions {
  std::filesystem::path model;
  ExperimentOptions common;
};

/// --model, --out (default ./evaluation/NAME), --overwrite, --threads. `files` says what goes
/// there.
void add_measuring_options(CLI::App& command, MeasuringOptions& options, const std::string& name,
                           const std::string& files);

/// Throws UsageError, which names the option, for a seed below 0.
std::uint64_t checked_seed(std::int64_t seed);

}  // namespace neurosplat::apps
