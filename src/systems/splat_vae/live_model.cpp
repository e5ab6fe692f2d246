#include "neurosplat/systems/splat_vae/live_model.h"

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/model_options.h"

namespace neurosplat::apps {

namespace fs = std::filesystem;

namespace {

void check_sizes(const ModelSizes& sizes, const SplatVaeArchitecture& model) {
  const auto agree = [](const char* name, std::optional<std::int64_t> asked, std::int64_t has) {
    if (!asked || *asked == has) return;
    throw UsageError(
        text(name, ": the model has ", has, ", ", *asked, " was asked for: leave the option away"));
  };
  agree("image-size", sizes.image_size, model.image_size);
  agree("num-packets", sizes.packets, model.packets);
  agree("latent", sizes.latent, model.latent);
}

}  // namespace

void add_size_options(CLI::App& command, ModelSizes& sizes) {
  command.add_option("--image-size", sizes.image_size, "must be the model's own");
  command.add_option("--num-packets", sizes.packets, "must be the model's own");
  command.add_option("--latent", sizes.latent, "must be the model's own");
}

SplatVae read_model(const fs::path& model, bool smoke, const std::string& device,
                    const ModelSizes& sizes, std::int64_t refine) {
  constexpr SplatVaeArchitecture kSmokeModel{32, 16, 8};
  if (smoke) return SplatVae(kSmokeModel);
  const auto chosen = device_from_name(device);
  const auto read = load_splat_vae(model.empty() ? shipped_model() : model);
  check_sizes(sizes, read.architecture());
  read.to(chosen);
  return read.refining(refine);
}

const SplatVae& needed_model(const std::optional<SplatVae>& model, const std::string& mode) {
  if (!model) throw Error(text("no ", mode, " without --model"));
  return *model;
}

std::vector<std::string> names_of(const std::vector<ModelMode>& modes) {
  std::vector<std::string> names;
  for (const auto& mode : modes) names.push_back(mode.name);
  return names;
}

std::vector<LiveMode> with_model(const std::vector<ModelMode>& modes,
                                 const std::optional<SplatVae>& model) {
  std::vector<LiveMode> bound;
  for (const auto& mode : modes) {
    bound.push_back({mode.name, [make = mode.make, model] { return make(model); }});
  }
  return bound;
}

}  // namespace neurosplat::apps
