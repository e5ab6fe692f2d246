#include "systems/patch_flow/command_pictures.h"

#include <memory>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/data/picture_source.h"

namespace neurosplat::apps {

void add_picture_options(CLI::App& command, PictureOptions& options) {
  command.add_option("--data,--data-dir", options.data, "folder of the data set");
  command.add_option("--dataset", options.dataset,
                     "folder, flowers, ...; default: what the model was trained on, else folder");
  command.add_option("--split-seed", options.split_seed,
                     "draws the test tenth of a folder; default: as the model was trained with, "
                     "else 0");
  command.add_option("--workers", options.workers, "threads that decode pictures")
      ->capture_default_str();
}

void settle(PictureOptions& options, const std::map<std::string, std::string>& metadata) {
  const auto said = [&](const char* key, const std::string& otherwise) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? otherwise : found->second;
  };
  if (options.dataset.empty()) options.dataset = said("dataset", "folder");
  if (options.split_seed < 0) {
    const auto seed = said("split_seed", "0");
    if (seed.empty() || seed.size() > 18 ||
        seed.find_first_not_of("0123456789") != std::string::npos) {
      throw Error(text("metadata: expected a number as 'split_seed', got '", seed, "'"));
    }
    options.split_seed = std::stoll(seed);
  }
  const bool generated = options.dataset == "smoke" || options.dataset == "synthetic";
  if (options.data.empty() && !generated) {
    throw UsageError(text("data: expected the folder of the data set ", options.dataset));
  }
  if (options.workers < 1) throw UsageError("workers: expected at least 1");
}

at::Tensor read_pictures(const PictureOptions& options, const std::vector<std::string>& splits,
                         std::int64_t count, std::int64_t side, std::uint64_t seed) {
  std::shared_ptr<const PictureSource> source =
      open_pictures({.kind = dataset_from_name(options.dataset),
                     .root = options.data,
                     .splits = splits,
                     .split_seed = static_cast<std::uint64_t>(options.split_seed)});
  if (count > source->size()) {
    throw UsageError(text("expected at most ", source->size(), " pictures, those of ",
                          splits.front(), ", got ", count, ": ask for fewer"));
  }
  const auto chosen = count == 0 ? source : seeded_subset(source, count, seed);
  const PictureLoader loader(chosen, keep_all(*chosen, side, options.workers));
  return loader.pictures(0, loader.size());
}

}  // namespace neurosplat::apps
