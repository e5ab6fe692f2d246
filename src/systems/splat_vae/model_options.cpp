#include "neurosplat/systems/splat_vae/model_options.h"

#include "neurosplat/program/shipped_file.h"

namespace neurosplat::apps {

namespace fs = std::filesystem;

void add_model_option(CLI::App& command, fs::path& model) {
  command.add_option("--model,--model-path", model,
                     "run folder, .safetensors file or PyTorch model.pt; default: the shipped "
                     "flowers-128");
}

void add_refine_option(CLI::App& command, std::int64_t& steps) {
  command
      .add_option("--refine", steps,
                  "steps of descent on each picture's latent after the encoder; 0: none, 3 give "
                  "most of it")
      ->capture_default_str();
}

fs::path shipped_model() {
  return shipped_file("flowers-128.safetensors");
}

}  // namespace neurosplat::apps
