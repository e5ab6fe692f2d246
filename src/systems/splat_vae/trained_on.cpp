#include "neurosplat/systems/splat_vae/trained_on.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAllow = "--allow-trained-on measures them all the same";

std::string joined(const std::vector<std::string>& splits) {
  std::string all;
  for (const auto& split : splits) all += (all.empty() ? "" : ",") + split;
  return all;
}

std::vector<std::string> parted(const std::string& names) {
  std::vector<std::string> splits;
  for (std::size_t first = 0; first <= names.size();) {
    const auto end = std::min(names.find(',', first), names.size());
    splits.push_back(names.substr(first, end - first));
    first = end + 1;
  }
  return splits;
}

std::uint64_t seed_of(const std::string& digits) {
  std::uint64_t seed = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (failed != std::errc() || end != digits.data() + digits.size()) {
    throw Error("expected a split_seed that is a whole number, got something else");
  }
  return seed;
}

TrainedOn from_metadata(const std::map<std::string, std::string>& metadata) {
  const auto of = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  TrainedOn trained;
  trained.dataset = of("dataset");
  trained.list_hash = of("list_hash");
  if (!trained.dataset.empty()) dataset_from_name(trained.dataset);
  if (const auto splits = of("splits"); !splits.empty()) trained.splits = parted(splits);
  for (const auto& split : trained.splits) {
    if (split != "train" && split != "val" && split != "test") {
      throw Error("expected splits of train, val, test, got another");
    }
  }
  if (const auto seed = of("split_seed"); !seed.empty()) trained.split_seed = seed_of(seed);
  return trained;
}

/// The configuration at `place` of a JSON file; nothing when there is none or it is another
/// program's.
std::optional<SplatVaeConfig> config_of(const fs::path& file, const std::string& place) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  try {
    const auto json = read_json_file(file);
    const nlohmann::json::json_pointer pointer(place);
    if (!json.contains(pointer)) return {};
    SplatVaeConfig config;
    read_saved_options(config, json.at(pointer), file.string());
    check(config);
    if (!json.at(pointer).contains("dataset")) return {};
    return config;
  } catch (const Error&) {
    return {};
  }
}

/// The configuration beside a run's model.
std::optional<SplatVaeConfig> run_config(const fs::path& model_file) {
  if (model_file.filename() != "model.safetensors") return {};
  return config_of(model_file.parent_path() / "config.json", "");
}

bool has_any(const std::vector<std::string>& splits, const std::vector<std::string>& of) {
  return std::any_of(splits.begin(), splits.end(), [&](const auto& split) {
    return std::find(of.begin(), of.end(), split) != of.end();
  });
}

/// Whether the training pictures at the root of `asked` are those that the model was trained on.
bool same_training_list(const PictureRequest& asked, const TrainedOn& trained) {
  if (trained.list_hash.empty()) return true;
  auto request = asked;
  request.splits = trained.splits;
  request.split_seed = *trained.split_seed;
  try {
    return open_pictures(request)->list_hash() == trained.list_hash;
  } catch (const UsageError&) {
    throw;
  } catch (const Error&) {  // none of them is here
    return false;
  }
}

}  // namespace

std::map<std::string, std::string> training_metadata(const SplatVaeConfig& config,
                                                     const PictureSource& pictures) {
  return {{"dataset", config.dataset},
          {"splits", joined(config.splits)},
          {"split_seed", std::to_string(config.split_seed)},
          {"list_hash", pictures.list_hash()}};
}

std::optional<SplatVaeConfig> training_config(const fs::path& model_file) {
  if (auto config = run_config(model_file)) return config;
  auto card = model_file;
  return config_of(card.replace_extension(".json"), "/training/config");
}

TrainedOn trained_on(const DescribedSplatVae& model) {
  TrainedOn trained;
  try {
    trained = from_metadata(model.metadata);
  } catch (const Error& error) {
    throw Error(text(model.file.string(), ": ", error.what()));
  }
  const auto config = run_config(model.file);
  if (!config || (!trained.dataset.empty() && trained.dataset != config->dataset)) return trained;
  if (!trained.splits_known()) {
    trained.dataset = config->dataset;
    trained.splits = config->splits;
    trained.split_seed = static_cast<std::uint64_t>(config->split_seed);
  }
  trained.data = config->data;
  trained.seed = static_cast<std::uint64_t>(config->seed);
  return trained;
}

std::string name_of(HeldOut held_out) {
  switch (held_out) {
    case HeldOut::yes:
      return "yes";
    case HeldOut::no:
      return "no";
    case HeldOut::other_data:
      return "other data";
    case HeldOut::unknown:
      break;
  }
  return "unknown";
}

MeasuredSplit measured_split(const PictureRequest& asked, std::optional<std::uint64_t> split_seed,
                             const TrainedOn& trained, bool allow_trained_on) {
  MeasuredSplit measured;
  measured.request = asked;
  measured.request.split_seed = split_seed.value_or(0);
  const bool other = !trained.dataset.empty() && trained.dataset != name_of(asked.kind);
  if (other) {
    measured.held_out = HeldOut::other_data;
    return measured;
  }
  if (!trained.splits_known()) {
    measured.warning =
        "it is not known which pictures the model was trained on, its file does not say: some of "
        "those measured may be among them";
    return measured;
  }
  const auto kept = *trained.split_seed;
  const bool contradicts = split_seed && *split_seed != kept;
  if (contradicts && !allow_trained_on) {
    throw UsageError(text("split-seed: expected ", kept, ", which the model was trained with, got ",
                          *split_seed, ": leave --split-seed away; ", kAllow));
  }
  const bool asked_for = has_any(asked.splits, trained.splits);
  if (asked_for && !allow_trained_on) {
    throw UsageError(text("split: expected one that the model was not trained on (",
                          joined(trained.splits), "), got ", joined(asked.splits),
                          ": choose another --split; ", kAllow));
  }
  measured.request.split_seed = split_seed.value_or(kept);
  if (asked_for || contradicts) {
    measured.held_out = HeldOut::no;
    measured.warning = "these are no held-out figures: pictures that were trained on are measured";
  } else if (same_training_list(asked, trained)) {
    measured.held_out = HeldOut::yes;
  } else if (allow_trained_on) {
    measured.warning = "another list of pictures than was trained on: some may have been";
  } else {
    throw Error(text("expected in ", asked.root.string(),
                     " the pictures that the model was trained "
                     "on (",
                     joined(trained.splits), " of ", trained.dataset, ", split seed ", kept,
                     "), the list differs, so that any may have been trained on: give --data the "
                     "folder as it was, or other pictures with --images; ",
                     kAllow));
  }
  return measured;
}

std::optional<std::int64_t> count_trained_on(const PictureSource& pictures,
                                             const TrainedOn& trained) {
  if (trained.data.empty() || !trained.splits_known()) return {};
  try {
    const auto learned = open_pictures({.kind = dataset_from_name(trained.dataset),
                                        .root = trained.data,
                                        .splits = trained.splits,
                                        .seed = trained.seed,
                                        .split_seed = *trained.split_seed});
    return count_shared(pictures, *learned);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace neurosplat
