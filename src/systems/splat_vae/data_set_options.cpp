#include "neurosplat/systems/splat_vae/data_set_options.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

std::string joined_with_commas(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

/// Whether two names stand for splits of one archive, so that the pictures that were trained on lie
/// where those to measure are.
bool same_archive(DatasetKind measured, const TrainedOn& trained) {
  const auto is_flowers = [](DatasetKind kind) {
    return kind == DatasetKind::flowers || kind == DatasetKind::flowers_large;
  };
  return is_flowers(measured) && is_flowers(dataset_from_name(trained.dataset));
}

bool is_generated(const std::string& dataset) {
  return dataset == "smoke" || dataset == "synthetic";
}

}  // namespace

void add_data_set_options(CLI::App& command, DataSetOptions& options) {
  command.add_option("--data,--data-dir", options.data, "folder of the data set");
  command.add_option("--dataset", options.dataset,
                     joined_with_commas(dataset_names()) +
                         "; default: the model's where that is read from files, else flowers");
  command.add_option("--split", options.split, "split to measure on: train, val or test")
      ->capture_default_str();
  command.add_option("--split-seed", options.split_seed,
                     "draws the test tenth of a folder; default: as the model was trained with, "
                     "else 0");
  command.add_flag("--allow-trained-on", options.allow_trained_on,
                   "measure also on what the model was or may have been trained on; the figures "
                   "are then not held out");
}

bool has_data_set(const DataSetOptions& options) {
  return !options.data.empty() || is_generated(options.dataset);
}

void settle_data_set(DataSetOptions& options, const TrainedOn& trained) {
  if (options.split_seed && *options.split_seed < 0) {
    throw UsageError(text("split-seed: expected at least 0, got ", *options.split_seed));
  }
  if (!options.dataset.empty()) return;
  const bool from_files = !trained.dataset.empty() && !is_generated(trained.dataset);
  options.dataset = from_files ? trained.dataset : "flowers";
}

PictureRequest request_of(const DataSetOptions& options, const std::vector<std::string>& splits) {
  return {.kind = dataset_from_name(options.dataset),
          .root = options.data,
          .splits = splits,
          .seed = static_cast<std::uint64_t>(options.seed)};
}

OpenedSplit open_measured_split(const DataSetOptions& options, const TrainedOn& trained) {
  std::optional<std::uint64_t> split_seed;
  if (options.split_seed) split_seed = static_cast<std::uint64_t>(*options.split_seed);
  const auto measured = measured_split(request_of(options, {options.split}), split_seed, trained,
                                       options.allow_trained_on);
  OpenedSplit opened{open_pictures(measured.request), measured.request, measured.held_out};
  if (!measured.warning.empty()) log::warn(measured.warning);
  if (opened.held_out != HeldOut::other_data) return opened;
  auto learned = count_trained_on(*opened.pictures, trained);
  if (!learned && same_archive(measured.request.kind, trained)) {
    auto here = trained;
    here.data = options.data;
    learned = count_trained_on(*opened.pictures, here);
  }
  if (!learned) return opened;
  opened.held_out = *learned > 0 ? HeldOut::no : HeldOut::yes;
  const auto said = text("the model was trained on ", *learned, " of the ", opened.pictures->size(),
                         " pictures of the split ", options.split, " as ", trained.dataset);
  if (*learned > 0 && !options.allow_trained_on) {
    throw Error(text("expected pictures that were not trained on, ", said,
                     ": measure others, or give --allow-trained-on"));
  }
  if (*learned > 0) log::warn(said);
  return opened;
}

OtherPictures open_other_pictures(const fs::path& folder, const TrainedOn& trained) {
  OtherPictures other{.pictures = open_folder(folder), .trained_on = {}};
  other.trained_on = count_trained_on(*other.pictures, trained);
  if (other.trained_on.value_or(0) > 0) {
    log::warn(text("the model was trained on ", *other.trained_on, " of the ",
                   other.pictures->size(), " pictures in ", folder.string(),
                   ": these are no held-out figures"));
  }
  return other;
}

void describe(nlohmann::ordered_json& settings, const std::string& prefix,
              const ChosenPictures& chosen) {
  for (const char* key : {"dataset", "folder", "splits", "split_seed", "list_hash", "list_images"})
    settings[prefix + key] = nullptr;
  if (!chosen.pictures) return;
  settings[prefix + "dataset"] = "pictures of a folder";
  if (chosen.split) {
    settings[prefix + "dataset"] = name_of(chosen.split->kind);
    settings[prefix + "splits"] = chosen.split->splits;
    settings[prefix + "split_seed"] = chosen.split->split_seed;
  }
  if (!chosen.folder.empty()) settings[prefix + "folder"] = last_name(chosen.folder);
  settings[prefix + "list_hash"] = chosen.pictures->list_hash();
  settings[prefix + "list_images"] = chosen.pictures->size();
}

std::string preparation_of(const ChosenPictures& chosen, std::int64_t side) {
  const bool faces = chosen.split && chosen.split->kind == DatasetKind::celeba;
  return text("short side scaled to ", side, " pixels, centre square, RGB of 8 bits",
              faces ? ", of the centre 178 pixels" : "");
}

std::string last_name(const fs::path& path) {
  const auto plain = path.lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).filename().string();
}

nlohmann::ordered_json settings_of_model(const DescribedSplatVae& model) {
  nlohmann::ordered_json settings = {{"model_file", model.file.filename().string()}};
  for (const std::string key :
       {"epoch", "step", "dataset", "splits", "split_seed", "list_hash", "neurosplat_version"}) {
    const auto said = model.metadata.find(key);
    settings["model_" + key] = nullptr;
    if (said != model.metadata.end()) settings["model_" + key] = said->second;
  }
  return settings;
}

}  // namespace neurosplat::apps
