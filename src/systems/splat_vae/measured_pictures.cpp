#include "neurosplat/systems/splat_vae/measured_pictures.h"

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"

namespace neurosplat::apps {
namespace {

/// A folder's split is the model's, also where only the floors are of it.
std::uint64_t split_seed_of_floors(const MeasuredOptions& options, const MeasuredPictures& measured,
                                   const TrainedOn& trained) {
  if (measured.split) return measured.split->split_seed;
  if (options.set.split_seed) return static_cast<std::uint64_t>(*options.set.split_seed);
  return trained.dataset == options.set.dataset ? trained.split_seed.value_or(0) : 0;
}

}  // namespace

void add_measured_options(CLI::App& command, MeasuredOptions& options) {
  add_data_set_options(command, options.set);
  command.add_option("--images", options.images,
                     "folder of pictures to measure on instead of a split");
  command
      .add_option("--floor-splits", options.floor_splits,
                  "splits of --data that the floors are fitted to")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--floor-images", options.floor_images,
                     "folder of training pictures to fit the floors to instead");
  command
      .add_option("--floor-limit", options.floor_limit,
                  "training pictures for the floors at most, chosen by --seed")
      ->capture_default_str();
}

void check(const MeasuredOptions& options) {
  if (options.images.empty() && !has_data_set(options.set)) {
    throw UsageError("expected --data DIR (with --split) or --images DIR");
  }
  if (options.set.seed < 0) {
    throw UsageError(text("seed: expected at least 0, got ", options.set.seed));
  }
  if (options.floor_limit < 2) throw UsageError("floor-limit: expected at least 2");
}

MeasuredPictures open_measured(const MeasuredOptions& options, const TrainedOn& trained) {
  if (options.images.empty()) {
    const auto opened = open_measured_split(options.set, trained);
    MeasuredPictures measured{
        {opened.pictures, opened.request, options.set.data}, name_of(opened.held_out), {}};
    if (opened.held_out == HeldOut::yes) measured.trained_on = 0;
    return measured;
  }
  auto other = open_other_pictures(options.images, trained);
  std::string held_out = "unknown";
  if (other.trained_on) held_out = name_of(*other.trained_on > 0 ? HeldOut::no : HeldOut::yes);
  return {{std::move(other.pictures), {}, options.images}, held_out, other.trained_on};
}

ChosenPictures open_floors(const MeasuredOptions& options, const MeasuredPictures& measured,
                           const TrainedOn& trained) {
  if (!options.floor_images.empty()) {
    return {open_folder(options.floor_images), {}, options.floor_images};
  }
  if (!has_data_set(options.set)) {
    log::warn(
        "no floors: they are fitted to training pictures; name some with --data or "
        "--floor-images");
    return {};
  }
  auto split = request_of(options.set, options.floor_splits);
  split.split_seed = split_seed_of_floors(options, measured, trained);
  try {
    return {open_pictures(split), split, options.set.data};
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    log::warn(text("no floors: ", error.what()));
    return {};
  }
}

}  // namespace neurosplat::apps
