#include "systems/iterative_vae/command_model.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/program/command_options.h"
#include "neurosplat/program/shipped_file.h"

namespace neurosplat::apps {

namespace fs = std::filesystem;

void add_iterative_vae_option(CLI::App& command, fs::path& model) {
  command.add_option("--model,--model-path", model,
                     "run folder or .safetensors file of an iterative VAE; default: the shipped "
                     "ivae-poisson, where there is one");
}

StoredIterativeVae read_iterative_vae(const fs::path& model) {
  return load_iterative_vae(model.empty() ? shipped_file("ivae-poisson.safetensors") : model);
}

void add_measuring_options(CLI::App& command, MeasuringOptions& options, const std::string& name,
                           const std::string& files) {
  add_iterative_vae_option(command, options.model);
  options.common.out = "./evaluation/" + name;
  command.add_option("--out", options.common.out, "folder for " + files)->capture_default_str();
  add_overwrite_option(command, options.common.overwrite);
  command.add_option("--threads", options.common.threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

std::uint64_t checked_seed(std::int64_t seed) {
  if (seed < 0) throw UsageError(text("seed: expected 0 or more, got ", seed));
  return static_cast<std::uint64_t>(seed);
}

}  // namespace neurosplat::apps
