#include <memory>

#include "neurosplat/systems/splat_vae/commands.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {

ServedPart splat_models_part(const std::shared_ptr<OfferedModels<SplatVae>>& models) {
  const auto add_options = [models](CLI::App& command) {
    command.add_option("--splat-model", models->paths,
                       "splat VAEs that the page offers, run folders or .safetensors files; may be "
                       "given several times; default: the shipped one");
  };
  const auto join = [models](Served&) {
    if (models->paths.empty()) models->paths.push_back(shipped_model());
    models->load(load_splat_vae);
  };
  return {add_options, join};
}

}  // namespace neurosplat::apps
