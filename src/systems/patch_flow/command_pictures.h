#pragma once

#include <ATen/core/Tensor.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// Pictures that evaluations of patch flows read.
namespace neurosplat::apps {

struct PictureOptions {
  std::string dataset;  ///< empty: the model's, else folder
  std::filesystem::path data;
  std::int64_t split_seed = -1;  ///< -1: the model's, else 0
  int workers = 2;
};

/// --data, --dataset, --split-seed, --workers.
void add_picture_options(CLI::App& command, PictureOptions& options);

/// What the metadata of a model say of the pictures that it was trained on, where options do not;
/// `metadata` is empty without a model. Throws UsageError for a data set of files without --data.
void settle(PictureOptions& options, const std::map<std::string, std::string>& metadata);

/// `count` pictures of the splits, chosen by `seed` (all of them for 0), uint8 [K, 3, side, side].
/// Throws UsageError where there are fewer.
at::Tensor read_pictures(const PictureOptions& options, const std::vector<std::string>& splits,
                         std::int64_t count, std::int64_t side, std::uint64_t seed);

}  // namespace neurosplat::apps
