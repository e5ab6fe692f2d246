#include "neurosplat/systems/splat_vae/model_options.h"

#include <system_error>

#include "neurosplat/core/error.h"

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
  std::error_code failed;
  const auto beside = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const auto& folder :
       {beside / "models", beside.parent_path() / "share" / "neurosplat" / "models",
        fs::path(NEUROSPLAT_SOURCE_FOLDER) / "models"}) {
    const auto file = folder / "flowers-128.safetensors";
    if (fs::is_regular_file(file, failed)) return file;
  }
  throw UsageError("expected --model PATH, there is no shipped flowers-128.safetensors: train one");
}

}  // namespace neurosplat::apps
