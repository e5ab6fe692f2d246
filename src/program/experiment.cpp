#include "neurosplat/program/experiment.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/io/outputs.h"
#include "neurosplat/program/command_options.h"

namespace neurosplat::apps {
namespace {

namespace fs = std::filesystem;

/// The folder above the one that the program lies in: the prefix that it is installed in, or
/// build/PRESET of the source tree; empty when it cannot be told.
fs::path above_program() {
  std::error_code failed;
  return fs::read_symlink("/proc/self/exe", failed).parent_path().parent_path();
}

std::vector<fs::path> fixture_folders(const ExperimentOptions& options) {
  if (!options.fixtures.empty()) return {options.fixtures};
  const char* shared = std::getenv("NEUROSPLAT_SHARED");
  const auto ours = fs::path("tests") / "fixtures" / "perception";
  std::vector<fs::path> folders = {
      fs::path(shared != nullptr ? shared : "../shared") / "reference" / "fixtures", ours};
  if (const auto prefix = above_program(); !prefix.empty()) {
    folders.push_back(prefix / "share" / "neurosplat" / "fixtures" / "perception");
    folders.push_back(prefix.parent_path().parent_path() / ours);
  }
  return folders;
}

constexpr const char* kMetrics = "metrics.json";

std::string picture_name(const std::string& figure_name) {
  return figure_name + ".png";
}

}  // namespace

void add_experiment_options(CLI::App& command, ExperimentOptions& options,
                            const std::string& name) {
  options.out = "./evaluation/" + name;
  command.add_option("--out", options.out, "folder for metrics.json and the figure")
      ->capture_default_str();
  add_overwrite_option(command, options.overwrite);
  command.add_option("--fixtures", options.fixtures,
                     "folder of the reference's inputs S0_*.npy; default: "
                     "$NEUROSPLAT_SHARED/reference/fixtures or ../shared/reference/fixtures, then "
                     "tests/fixtures/perception here, then those of the program's prefix or source "
                     "tree");
  command.add_option("--threads", options.threads, "CPU threads; 0: all cores")
      ->capture_default_str();
}

void check_outputs(const ExperimentOptions& options, const std::string& figure_name,
                   const std::vector<std::pair<std::string, fs::path>>& inputs) {
  Outputs outputs(options.overwrite);
  outputs.reads("fixtures", options.fixtures);
  for (const auto& [option, path] : inputs) outputs.reads(option, path);
  outputs.writes("out", options.out, {kMetrics, picture_name(figure_name)});
  outputs.check();
}

fs::path find_input(const ExperimentOptions& options, const std::string& name) {
  std::error_code ignored;
  for (const auto& folder : fixture_folders(options)) {
    if (fs::exists(folder / name, ignored)) return folder / name;
  }
  return {};
}

fs::path input_path(const ExperimentOptions& options, const fs::path& given,
                    const std::string& name) {
  if (!given.empty()) return given;
  if (const auto found = find_input(options, name); !found.empty()) return found;
  std::string list;
  for (const auto& folder : fixture_folders(options)) {
    list += (list.empty() ? "" : " or ") + folder.string();
  }
  throw Error(text("expected ", name, " in ", list, ", there is none: give --fixtures DIR or name ",
                   "an input of your own, see --help"));
}

at::Tensor read_numbers(const fs::path& path, std::int64_t dimensions) {
  const auto numbers = read_npy(path).to(at::kDouble);
  if (numbers.dim() != dimensions || numbers.numel() == 0) {
    throw Error(text(path.string(), ": expected an array of ", dimensions, " dimensions, got ",
                     numbers.sizes()));
  }
  if (!numbers.isfinite().all().item<bool>()) {
    throw Error(text(path.string(), ": expected finite numbers, some are not"));
  }
  return numbers;
}

at::Tensor read_grey(const fs::path& path, std::int64_t side) {
  if (path.extension() != ".npy") {
    return grey_square(read_picture(path), side);
  }
  const auto picture = read_numbers(path, 2);
  if (picture.min().item<double>() < 0.0 || picture.max().item<double>() > 1.0) {
    throw Error(text(path.string(), ": expected a picture in [0, 1], got ",
                     picture.min().item<double>(), " to ", picture.max().item<double>()));
  }
  return picture;
}

std::string reason_for_difference(bool as_published) {
  return as_published ? "same inputs and settings as published; the cause is not known"
                      : "measured on other inputs or settings than the published figure";
}

void write_experiment(const ExperimentOptions& options, const MetricsFile& metrics,
                      const std::string& figure_name, const at::Tensor& figure) {
  const fs::path out = options.out;
  std::error_code failure;
  fs::create_directories(out, failure);
  if (failure) throw Error(text(out.string(), ": cannot make it: ", failure.message()));
  const auto picture = picture_name(figure_name);
  write_png(out / picture, figure);
  write_metrics(out / kMetrics, metrics);
  std::printf("written: %s, %s in %s\n", kMetrics, picture.c_str(), out.c_str());
}

}  // namespace neurosplat::apps
