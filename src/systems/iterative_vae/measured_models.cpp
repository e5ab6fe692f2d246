#include "systems/iterative_vae/measured_models.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <charconv>
#include <cmath>
#include <map>
#include <system_error>
#include <utility>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/metrics_key.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/outputs.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostSteps = 1'000'000;

std::optional<std::string> word_of(const StoredIterativeVae& stored, const std::string& key) {
  const auto found = stored.metadata.find(key);
  if (found == stored.metadata.end()) return std::nullopt;
  return found->second;
}

/// A number of a model's description; it is not trusted, but must be one where it is there.
template <class Number>
std::optional<Number> number_of(const StoredIterativeVae& stored, const std::string& key) {
  const auto word = word_of(stored, key);
  if (!word) return std::nullopt;
  Number value{};
  const auto* end = word->data() + word->size();
  const auto read = std::from_chars(word->data(), end, value);
  if (read.ec == std::errc() && read.ptr == end && std::isfinite(static_cast<double>(value))) {
    return value;
  }
  throw Error(text(stored.file.string(), ": expected a number as ", key, ", its description says '",
                   *word, "': give a file that is whole"));
}

std::optional<bool> flag_of(const StoredIterativeVae& stored, const std::string& key) {
  const auto word = word_of(stored, key);
  if (!word) return std::nullopt;
  if (*word == "true" || *word == "1") return true;
  if (*word == "false" || *word == "0") return false;
  throw Error(text(stored.file.string(), ": expected true or false as ", key,
                   ", its description says '", *word, "': give a file that is whole"));
}

/// The option, what the file says, or the default.
template <class Value>
Value settled(const std::optional<Value>& given, const std::optional<Value>& stored,
              const Value& otherwise) {
  if (given) return *given;
  return stored ? *stored : otherwise;
}

std::int64_t side_of(const MeasuredModel& model) {
  const auto pixels = model.stored.model.architecture().pixels;
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(pixels))));
  if (side * side == pixels) return side;
  throw Error(text(model.file(), ": expected a model of square patches, it is one of ", pixels,
                   " pixels: give another"));
}

void check_trained_beside(const MeasurementOptions& options,
                          const std::vector<MeasuredModel>& models, const PatchSet& set) {
  for (const auto& model : models) {
    const auto hash = word_of(model.stored, "patch_hash");
    if (!hash) {
      log::warn(text(model.file(), " does not say which patches it was trained on: those measured ",
                     "may be among them"));
    } else if (*hash != set.hash && !options.allow_other_patches) {
      throw Error(text(model.file(), ": expected the patches that it was trained beside (", *hash,
                       "), got others (", set.hash, "), so that those measured may have been ",
                       "trained on: give --data and --dataset as in training, or ",
                       "--allow-other-patches"));
    } else if (*hash != set.hash) {
      log::warn(text(model.file(), " was trained beside other patches (", *hash, ") than these (",
                     set.hash, ")"));
    }
  }
}

void name_models(std::vector<MeasuredModel>& models) {
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < models.size(); ++i) {
    auto& model = models[i];
    model.kind = kind_of(model.stored.model.architecture());
    const int number = ++seen[model.kind];
    model.label = number == 1 ? model.kind : text(model.kind, " ", number);
    model.key = metrics_key(model.label);
    model.colour = i;
  }
}

}  // namespace

MeasuredRun run_of(const MeasurementOptions& options, const MeasuredModel& model) {
  constexpr std::int64_t kMostInner = 64;  // of training
  const auto inner = number_of<std::int64_t>(model.stored, "n_iters_inner").value_or(1);
  const double leak = number_of<double>(model.stored, "beta_inner").value_or(1.0);
  if (inner < 1 || inner > kMostInner || leak < 0) {
    throw Error(text(model.file(), ": expected 1 to ", kMostInner,
                     " iterations a step and beta_inner of at least 0, its description says ",
                     inner, " and ", leak, ": give a file that is whole"));
  }
  return {.steps = options.steps,
          .block = options.block,
          .inner = inner,
          .beta_inner = leak,
          .guard = options.guard,
          .seed = static_cast<std::uint64_t>(options.seed)};
}

std::optional<double> MeasuredModel::number(const char* wanted) const {
  return number_of<double>(stored, wanted);
}

std::string kind_of(const IterativeVaeArchitecture& sizes) {
  if (sizes.poisson()) return "iP";
  return sizes.has_gain() ? "iG-" + sizes.activation : "iG";
}

void add_measurement_options(CLI::App& command, MeasurementOptions& options,
                             const std::string& name) {
  command
      .add_option("--model", options.models,
                  "run folder or model file of an iterative VAE; again for another")
      ->required();
  std::string names;
  for (const auto& set : patch_dataset_names()) names += (names.empty() ? "" : ", ") + set;
  const std::string as_trained = "; default: as the first model was trained";
  command.add_option("--dataset", options.dataset, names + as_trained);
  command.add_option("--data", options.data, "folder of the data, or the file for npy")
      ->capture_default_str();
  command.add_option("--patches", options.patches, "patches of the set in all" + as_trained);
  command.add_option("--validation", options.validation,
                     "share of the patches that validate" + as_trained);
  command.add_option("--split-seed", options.split_seed,
                     "seed of which pictures validate" + as_trained);
  command.add_flag("--mirrored-filter,!--no-mirrored-filter", options.mirrored_filter,
                   "whiten by the published code's filter" + as_trained);
  command.add_flag("--allow-other-patches", options.allow_other_patches,
                   "measure also on other patches than those that a model was trained beside");
  command
      .add_option("--count", options.count,
                  "validation patches, drawn by --seed; 0, or more than there are: all")
      ->capture_default_str();
  command.add_option("--steps", options.steps, "steps of inference")->capture_default_str();
  command.add_option("--block", options.block, "patches at a time")->capture_default_str();
  command.add_option("--seed", options.seed, "seed of the choice of patches and of the samples")
      ->capture_default_str();
  command.add_flag("--guard", options.guard,
                   "keep only steps that lower the free energy; linear decoders, identity or relu");
  command.add_option("--device", options.device, "cpu, cuda or auto")->capture_default_str();
  add_experiment_options(command, options.common, name);
}

void check_measurement(const MeasurementOptions& options, const std::vector<std::string>& files) {
  if (options.steps < 1 || options.steps > kMostSteps) {
    throw UsageError(text("steps: expected 1 to ", kMostSteps, ", got ", options.steps));
  }
  if (options.count < 0 || options.block < 1 || options.seed < 0 || options.common.threads < 0) {
    throw UsageError("count, seed and threads: expected at least 0; block: at least 1");
  }
  if (options.split_seed && *options.split_seed < 0) {
    throw UsageError(text("split-seed: expected at least 0, got ", *options.split_seed));
  }
  Outputs outputs(options.common.overwrite);
  outputs.reads("fixtures", options.common.fixtures);
  outputs.reads("data", options.data);
  for (const auto& model : options.models) outputs.reads("model", model, kIterativeVaeFileNames);
  outputs.writes("out", options.common.out, files);
  outputs.check();
}

std::vector<MeasuredModel> load_measured_models(const MeasurementOptions& options) {
  const auto device = device_from_name(options.device);
  std::vector<MeasuredModel> models;
  for (const auto& path : options.models) models.push_back({load_iterative_vae(path), {}, {}, {}});
  const auto pixels = models.front().stored.model.architecture().pixels;
  for (auto& model : models) {
    const auto its = model.stored.model.architecture().pixels;
    if (its == pixels) {
      model.stored.model.to(device);
      continue;
    }
    throw Error(text(model.file(), ": expected a model of ", pixels, " pixels as the first one, ",
                     "it is one of ", its, ": measure it alone"));
  }
  name_models(models);
  return models;
}

PatchRequest patch_request_of(const MeasurementOptions& options, const MeasuredModel& first,
                              const std::string& dataset) {
  const auto& stored = first.stored;
  PatchRequest request;
  request.dataset = settled(options.dataset, word_of(stored, "dataset"), dataset);
  request.root = options.data;
  request.side = side_of(first);
  request.patches =
      settled(options.patches, number_of<std::int64_t>(stored, "patches"), request.patches);
  request.validation =
      settled(options.validation, number_of<double>(stored, "validation"), request.validation);
  request.seed = static_cast<std::uint64_t>(
      settled(options.split_seed, number_of<std::int64_t>(stored, "split_seed"), std::int64_t{0}));
  request.mirrored_filter =
      settled(options.mirrored_filter, flag_of(stored, "mirrored_filter"), false);
  return request;
}

at::Tensor drawn_patches(std::int64_t total, std::int64_t count, std::uint64_t seed) {
  if (count == 0 || count >= total) return at::arange(total, at::kLong);
  const auto generator = at::detail::createCPUGenerator(seed);
  return std::get<0>(at::randperm(total, generator, at::kLong).narrow(0, 0, count).sort());
}

MeasuredPatches open_measured_patches(const MeasurementOptions& options,
                                      const std::vector<MeasuredModel>& models,
                                      const std::string& dataset) {
  const at::NoGradGuard no_gradient;
  MeasuredPatches measured;
  measured.request = patch_request_of(options, models.front(), dataset);
  measured.set = open_patches(measured.request);
  const auto& set = measured.set;
  log::info(set.description);
  const auto pixels = models.front().stored.model.architecture().pixels;
  if (set.side * set.side != pixels) {
    throw Error(text(models.front().file(), ": expected patches of the model's ", pixels,
                     " pixels, got ", set.side, "x", set.side, ": give another --dataset"));
  }
  check_trained_beside(options, models, set);
  auto rows = drawn_patches(set.validation.size(0), options.count,
                            static_cast<std::uint64_t>(options.seed));
  if (rows.numel() > 0) {
    const auto drawn = rows.numel();
    rows = rows.masked_select(has_contrast(set.validation.index_select(0, rows)));
    measured.constant = drawn - rows.numel();
  }
  if (rows.numel() == 0) {
    throw Error(text("expected patches to measure on, got none of more than one value among ",
                     set.validation.size(0),
                     " that validate: give another --data or more --count"));
  }
  if (measured.constant > 0) {
    log::warn(
        text(measured.constant, " constant patches are left out, of which R^2 does not exist"));
  }
  measured.patches = set.validation.index_select(0, rows);
  if (set.validation_labels.defined()) {
    measured.labels = set.validation_labels.index_select(0, rows);
  }
  return measured;
}

nlohmann::ordered_json settings_of(const MeasurementOptions& options,
                                   const std::vector<MeasuredModel>& models,
                                   const MeasuredPatches& patches) {
  auto files = nlohmann::ordered_json::array();
  for (const auto& model : models) files.push_back(model.file());
  const auto& request = patches.request;
  return {{"models", std::move(files)},
          {"dataset", request.dataset},
          {"data", request.root.string()},
          {"patch_size_px", patches.set.side},
          {"patches_of_set", request.patches},
          {"validation", request.validation},
          {"split_seed", request.seed},
          {"mirrored_filter", request.mirrored_filter},
          {"patch_hash", patches.set.hash},
          {"allow_other_patches", options.allow_other_patches},
          {"count", options.count},
          {"steps", options.steps},
          {"block", options.block},
          {"guard", options.guard},
          {"seed", options.seed},
          {"device", models.front().stored.model.state().begin()->second.device().str()}};
}

int write_measurement(const MeasurementOptions& options, const MetricsFile& metrics,
                      const std::string& figure_name, const at::Tensor& figure,
                      const std::string& csv_name, const std::string& csv) {
  const InterruptGuard guard;
  if (!csv_name.empty()) {
    const fs::path out = options.common.out;
    std::error_code failure;
    fs::create_directories(out, failure);
    if (failure) throw Error(text(out.string(), ": cannot make it: ", failure.message()));
    write_file_atomically(out / csv_name, csv);
  }
  write_experiment(options.common, metrics, figure_name, figure);
  return InterruptGuard::exit_code();
}

}  // namespace neurosplat::apps
