#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "neurosplat/page/offered_models.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/systems/iterative_vae/commands.h"
#include "neurosplat/systems/iterative_vae/live_inference.h"
#include "neurosplat/systems/iterative_vae/model_file.h"

namespace neurosplat::apps {
namespace {

constexpr const char* kShipped[] = {"ivae-poisson.safetensors", "ivae-gaussian.safetensors",
                                    "ivae-gaussian-relu.safetensors"};
constexpr std::int64_t kSheetGap = 4;

using Offered = OfferedModels<StoredIterativeVae>;

ModeActions seeing_with(const StoredIterativeVae& stored, const std::string& steps) {
  LiveInferenceSettings settings;
  settings.steps = std::stoll(steps);
  const auto filter = stored.metadata.find("mirrored_filter");
  settings.mirrored = filter != stored.metadata.end() && filter->second == "true";
  check(settings, stored.model);
  return actions_of(std::make_shared<LiveInference>(stored.model, settings));
}

void join(const std::shared_ptr<Offered>& offered, Served& served) {
  if (offered->paths.empty()) {
    for (const char* name : kShipped) offered->paths.push_back(shipped_file(name));
  }
  offered->load([](const std::filesystem::path& path) { return load_iterative_vae(path); });
  PageMode mode{.name = "infer",
                .title = "Spikes",
                .help =
                    "An iterative VAE infers whitened patches online, a step a frame; the "
                    "raster is of 128 of its neurons.",
                .panels = 4,
                .gap = kSheetGap};
  for (const auto& column : inference_columns()) mode.columns.push_back(column.name);
  mode.lossless = true;
  mode.choices = {offered->choice(), {"steps", {"1", "4", "16"}}};
  mode.make = [offered](const std::map<std::string, std::string>& chosen) {
    return seeing_with(offered->of(chosen), chosen.at("steps"));
  };
  served.modes.push_back(std::move(mode));
}

}  // namespace

ServedPart spikes_part() {
  const auto offered = std::make_shared<Offered>();
  const auto add_options = [offered](CLI::App& command) {
    command.add_option("--spike-model", offered->paths,
                       "iterative VAEs of image patches that the page offers, may be given several "
                       "times; default: the shipped ones");
  };
  return {add_options, [offered](Served& served) { join(offered, served); }};
}

}  // namespace neurosplat::apps
