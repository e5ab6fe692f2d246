#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/evaluation/metrics_file.h"
#include "neurosplat/program/program.h"

namespace neurosplat::apps {

/// What the reference's experiments have in common: inputs that are found by name, a folder for
/// results.
struct ExperimentOptions {
  std::string out;
  std::filesystem::path fixtures;
  int threads = 0;
  bool overwrite = false;
};

/// --out (default ./evaluation/NAME), --overwrite, --fixtures, --threads.
void add_experiment_options(CLI::App& command, ExperimentOptions& options, const std::string& name);

/// Checks what write_experiment() will write against what is there and what options name as inputs
/// (option, path; empty ones left out). Throws as Outputs::check().
void check_outputs(const ExperimentOptions& options, const std::string& figure_name,
                   const std::vector<std::pair<std::string, std::filesystem::path>>& inputs);

/// `given` when there is one, else the reference's input `name`: in --fixtures when that is
/// given, else in $NEUROSPLAT_SHARED/reference/fixtures (or ../shared/reference/fixtures), in
/// tests/fixtures/perception of the working directory, or in that of the source tree that the
/// program lies in, whatever the working directory. Throws Error that says where it was looked for.
std::filesystem::path input_path(const ExperimentOptions& options,
                                 const std::filesystem::path& given, const std::string& name);
/// The same, without an Error: empty when there is none.
std::filesystem::path find_input(const ExperimentOptions& options, const std::string& name);

/// Numbers from .npy as float64, their shape checked: `dimensions` of them. Throws Error.
at::Tensor read_numbers(const std::filesystem::path& path, std::int64_t dimensions);

/// A grey picture, float64 [side, side] in [0, 1]: from .npy [H, W] as it is (any
/// size), or from a picture file's centre square.
at::Tensor read_grey(const std::filesystem::path& path, std::int64_t side);

/// Why a figure may differ from the published one.
std::string reason_for_difference(bool as_published);

/// Makes the folder, writes metrics.json and `figure` as NAME.png into it, says so.
void write_experiment(const ExperimentOptions& options, const MetricsFile& metrics,
                      const std::string& figure_name, const at::Tensor& figure);

}  // namespace neurosplat::apps
