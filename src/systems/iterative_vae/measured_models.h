#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "neurosplat/data/patch_set.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/program/experiment.h"
#include "neurosplat/systems/iterative_vae/inference_curves.h"
#include "neurosplat/systems/iterative_vae/model_file.h"

/// What the commands that measure iterative VAEs have in common.
namespace neurosplat::apps {

/// What stands on the command line. What is not given of the patches is as the first model's file
/// says that it was trained with, else as training has it by default.
struct MeasurementOptions {
  ExperimentOptions common;
  std::vector<std::filesystem::path> models;
  std::filesystem::path data = "./data";
  std::optional<std::string> dataset;
  std::optional<std::int64_t> patches, split_seed;
  std::optional<double> validation;
  std::optional<bool> mirrored_filter;
  bool allow_other_patches = false;
  std::int64_t count = 2000, steps = 1000, block = 500, seed = 0;
  bool guard = false;
  std::string device = "auto";
};

/// `count` of the options is the command's default.
void add_measurement_options(CLI::App& command, MeasurementOptions& options,
                             const std::string& name);

/// Throws UsageError for numbers out of range, and as Outputs::check() for the files that
/// write_measurement() will write.
void check_measurement(const MeasurementOptions& options, const std::vector<std::string>& files);

struct MeasuredModel {
  StoredIterativeVae stored;
  std::string kind;        ///< iP, iG or iG-ACTIVATION
  std::string label;       ///< the kind; of more than one of a kind, numbered from the second on
  std::string key;         ///< the label as results spell it: ip, ig_relu, ip_2
  std::size_t colour = 0;  ///< the place among models

  /// Of the file's description; nothing where it does not say, or no number.
  std::optional<double> number(const char* key) const;
  std::string file() const { return stored.file.string(); }
};

/// Inference as options ask for and as the model was trained: with as many iterations a step.
MeasuredRun run_of(const MeasurementOptions& options, const MeasuredModel& model);

std::string kind_of(const IterativeVaeArchitecture& sizes);

struct MeasuredPatches {
  PatchRequest request;
  PatchSet set;
  at::Tensor patches;         ///< float32 [N, pixels], of the validation part
  at::Tensor labels;          ///< int64 [N]; undefined where the set has none
  std::int64_t constant = 0;  ///< chosen and left out, for they hold one value
};

/// Loads the models, all of one size, onto the device. Throws as load_iterative_vae, and Error
/// where sizes differ.
std::vector<MeasuredModel> load_measured_models(const MeasurementOptions& options);

/// The request that options and the first model's description make; `dataset` where neither says.
PatchRequest patch_request_of(const MeasurementOptions& options, const MeasuredModel& first,
                              const std::string& dataset);

/// Opens the patches and draws `count` of them that validate. Throws Error where they are not those
/// that a model was trained beside, unless they may be others, and where none is left.
MeasuredPatches open_measured_patches(const MeasurementOptions& options,
                                      const std::vector<MeasuredModel>& models,
                                      const std::string& dataset);

/// `count` rows of `total` (all where it is 0 or more than that) int64, in their order.
at::Tensor drawn_patches(std::int64_t total, std::int64_t count, std::uint64_t seed);

/// Settings that all of the commands write.
nlohmann::ordered_json settings_of(const MeasurementOptions& options,
                                   const std::vector<MeasuredModel>& models,
                                   const MeasuredPatches& patches);

/// Numbers as JSON; nothing becomes null.
template <class Number>
nlohmann::ordered_json or_null(const std::optional<Number>& number) {
  return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
}

/// metrics.json, the figure and, where there is some, CSV: all there or none when a signal comes.
/// Returns what the program exits with.
int write_measurement(const MeasurementOptions& options, const MetricsFile& metrics,
                      const std::string& figure_name, const at::Tensor& figure,
                      const std::string& csv_name = {}, const std::string& csv = {});

}  // namespace neurosplat::apps
