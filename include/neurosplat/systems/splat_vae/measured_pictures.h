#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/systems/splat_vae/data_set_options.h"

/// The pictures that a model is measured on, and the training pictures that floors are fitted to.
namespace neurosplat::apps {

struct MeasuredOptions {
  DataSetOptions set;
  std::filesystem::path images, floor_images;
  std::vector<std::string> floor_splits = {"train", "val"};
  std::int64_t floor_limit = 4096;

  std::uint64_t seed() const { return static_cast<std::uint64_t>(set.seed); }
};

/// add_data_set_options(), --images, --floor-splits, --floor-images and --floor-limit.
void add_measured_options(CLI::App& command, MeasuredOptions& options);

/// Throws UsageError where no pictures are named, for a seed below 0 and a floor limit below 2.
void check(const MeasuredOptions& options);

struct MeasuredPictures : ChosenPictures {
  std::string held_out;                    ///< name_of(HeldOut)
  std::optional<std::int64_t> trained_on;  ///< of `pictures`, where it is known
};

/// The pictures of --images, else those of --split. Throws as open_measured_split() does.
MeasuredPictures open_measured(const MeasuredOptions& options, const TrainedOn& trained);

/// The training pictures; none, and a line that says why, where there are none.
ChosenPictures open_floors(const MeasuredOptions& options, const MeasuredPictures& measured,
                           const TrainedOn& trained);

}  // namespace neurosplat::apps
