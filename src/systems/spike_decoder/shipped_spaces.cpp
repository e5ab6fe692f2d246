#include "systems/spike_decoder/shipped_spaces.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/core/words.h"
#include "neurosplat/program/shipped_file.h"
#include "systems/spike_decoder/session_options.h"

namespace neurosplat::apps {
namespace {

std::vector<std::string> names_of(const std::string& latents) {
  auto names = words_of(latents);
  if (!names.empty()) return names;
  return {shipped_file("hvae-flowers.safetensors").string(),
          shipped_file("flowers-128.safetensors").string(), "pixels"};
}

}  // namespace

void add_latents_option(CLI::App& command, std::string& latents) {
  command.add_option("--latents", latents,
                     "what spikes are regressed on, between commas; the first is the main one: run "
                     "folders or files of hierarchical VAEs and splat VAEs, pixels (16 a side), "
                     "script:FILE (TorchScript), features:FILE (.npy of a published layout); "
                     "default: the shipped hvae-flowers, flowers-128, "
                     "pixels");
}

std::vector<std::pair<std::string, std::filesystem::path>> latent_inputs(
    const std::string& latents) {
  std::vector<std::pair<std::string, std::filesystem::path>> inputs;
  for (auto name : words_of(latents)) {
    for (const std::string prefix : {"script:", "features:"}) {
      if (name.starts_with(prefix)) name.erase(0, prefix.size());
    }
    if (name != "pixels") inputs.emplace_back("latents", name);
  }
  return inputs;
}

std::vector<LatentSpace> latent_spaces(const std::string& latents, std::int64_t side) {
  std::vector<LatentSpace> spaces;
  for (const auto& name : names_of(latents)) spaces.push_back(open_latent_space(name, side));
  return spaces;
}

LatentSpace latent_space(const std::string& latents, std::int64_t side) {
  auto space = open_latent_space(names_of(latents).front(), side);
  if (space.decode) return space;
  throw UsageError(text("latents: expected some that draw a picture, got ", space.name));
}

}  // namespace neurosplat::apps
