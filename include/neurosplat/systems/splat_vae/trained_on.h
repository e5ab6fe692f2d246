#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/picture_source.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/systems/splat_vae/splat_vae_config.h"

/// Which pictures a model was trained on, so that what is measured as unseen was not.
namespace neurosplat {

/// As far as it is known.
struct TrainedOn {
  /// Name of the data set, its splits and the seed of a folder's split; empty, empty and nothing
  /// where not known.
  std::string dataset;
  std::vector<std::string> splits;
  std::optional<std::uint64_t> split_seed;
  std::string list_hash;       ///< PictureSource::list_hash() of the splits; empty: not known
  std::filesystem::path data;  ///< where they lay, from config.json alone; empty: not known
  std::uint64_t seed = 0;      ///< of generated pictures, from config.json alone

  bool splits_known() const { return !splits.empty() && split_seed.has_value(); }
};

/// What save_splat_vae() is given of it: `dataset`, `splits` (comma between them), `split_seed`,
/// `list_hash` of `pictures`, the training pictures.
std::map<std::string, std::string> training_metadata(const SplatVaeConfig& config,
                                                     const PictureSource& pictures);

/// How the model was trained: the config.json beside a run's model.safetensors, else what the card
/// NAME.json of a shipped NAME.safetensors says. Nothing when there is none or it cannot be read.
std::optional<SplatVaeConfig> training_config(const std::filesystem::path& model_file);

/// What the file says, and what the config.json beside a run's model.safetensors says where the
/// file is silent: runs from before `split_seed` drew the split from their seed. Throws Error when
/// the file says what cannot be.
TrainedOn trained_on(const DescribedSplatVae& model);

enum class HeldOut { yes, no, other_data, unknown };
/// "yes", "no", "other data", "unknown".
std::string name_of(HeldOut held_out);

/// The pictures to measure and how the model stands to them.
struct MeasuredSplit {
  PictureRequest request;  ///< with the split seed that counts
  HeldOut held_out = HeldOut::unknown;
  std::string warning;  ///< one line, empty where there is nothing to say
};

/// Settles the split seed of `asked`: the model's, where it was trained on a data set of this name,
/// else `split_seed`, else 0; and whether the pictures are held out. Unless `allow_trained_on`,
/// throws UsageError when `split_seed` contradicts the model's or a split of `asked` was trained
/// on, and Error when the training pictures at this root are not those of the model, so that any
/// may have been trained on.
MeasuredSplit measured_split(const PictureRequest& asked, std::optional<std::uint64_t> split_seed,
                             const TrainedOn& trained, bool allow_trained_on);

/// How many of `pictures` are files that the model was trained on; nothing where config.json does
/// not say where those lay, or they are gone.
std::optional<std::int64_t> count_trained_on(const PictureSource& pictures,
                                             const TrainedOn& trained);

}  // namespace neurosplat
