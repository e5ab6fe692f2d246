#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/program/program.h"
#include "neurosplat/systems/splat_vae/trained_on.h"

namespace neurosplat::apps {

/// The data set that a command measures on. What is held out follows from the model.
struct DataSetOptions {
  std::filesystem::path data;
  std::string dataset;  ///< empty: the model's, see settle_data_set()
  std::string split = "test";
  std::optional<std::int64_t> split_seed;
  std::int64_t seed = 0;
  bool allow_trained_on = false;
};

/// --data, --dataset, --split, --split-seed and --allow-trained-on; --seed is the command's own.
void add_data_set_options(CLI::App& command, DataSetOptions& options);

/// Whether a data set is named: a folder, or one that is generated.
bool has_data_set(const DataSetOptions& options);

/// Fills in `dataset` where none was named: the model's where that is read from files, else
/// flowers.
void settle_data_set(DataSetOptions& options, const TrainedOn& trained);

/// What open_pictures() takes for these splits, without a split seed.
PictureRequest request_of(const DataSetOptions& options, const std::vector<std::string>& splits);

/// The pictures of --split, all of them.
struct OpenedSplit {
  std::shared_ptr<const PictureSource> pictures;
  PictureRequest request;  ///< with the split seed that counts
  HeldOut held_out;
};

/// Opens --split, warns where its pictures may have been trained on. Throws as open_pictures() and
/// measured_split() do, and Error where another data set gives pictures that were trained on,
/// unless --allow-trained-on.
OpenedSplit open_measured_split(const DataSetOptions& options, const TrainedOn& trained);

/// A picture folder, with a warning when the model was trained on some of its pictures; `count` is
/// how many, nothing where it is not known.
struct OtherPictures {
  std::shared_ptr<const PictureSource> pictures;
  std::optional<std::int64_t> trained_on;
};
OtherPictures open_other_pictures(const std::filesystem::path& folder, const TrainedOn& trained);

/// Pictures and where they are from.
struct ChosenPictures {
  std::shared_ptr<const PictureSource> pictures;  ///< null: none
  std::optional<PictureRequest> split;            ///< nothing: a whole folder
  std::filesystem::path folder;
};

/// For metrics.json: name, folder, splits, split seed, hash and length of a list of pictures, under
/// PREFIXdataset, ...; null where there is none.
void describe(nlohmann::ordered_json& settings, const std::string& prefix,
              const ChosenPictures& chosen);

/// How pictures became squares of `side` pixels, for metrics.json.
std::string preparation_of(const ChosenPictures& chosen, std::int64_t side);

/// The last part of a path, also where it ends in a slash.
std::string last_name(const std::filesystem::path& path);

/// For metrics.json: what the model's file says of it under model_file, model_epoch, model_step,
/// model_dataset, model_splits, model_split_seed, model_list_hash, model_neurosplat_version; null
/// where it is silent.
nlohmann::ordered_json settings_of_model(const DescribedSplatVae& model);

}  // namespace neurosplat::apps
