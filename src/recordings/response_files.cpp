#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/recordings/picture_responses.h"
#include "recordings/number_table.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// The numbers of a .npy or .csv file.
at::Tensor numbers_in(const fs::path& file) {
  if (file.extension() == ".npy") return read_npy(file);
  if (file.extension() != ".csv") {
    throw UsageError(text(file.string(), ": expected a .npy or .csv file: convert it"));
  }
  const auto table = read_number_table(file);
  return at::tensor(table.values, at::kDouble)
      .view({static_cast<std::int64_t>(table.rows), static_cast<std::int64_t>(table.columns)});
}

/// Throws unless all are whole and from `least` to the largest int32.
at::Tensor whole(const fs::path& file, const at::Tensor& numbers, std::int64_t least,
                 const char* what) {
  const auto type = numbers.scalar_type();
  if (type == at::kBool || numbers.numel() == 0) {
    throw Error(text(file.string(), ": expected ", what, ", got ", type, ' ', numbers.sizes()));
  }
  const bool exact = !numbers.is_floating_point() ||
                     numbers.eq(numbers.floor()).logical_and(numbers.isfinite()).all().item<bool>();
  if (!exact || numbers.min().item<double>() < static_cast<double>(least) ||
      numbers.max().item<double>() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(text(file.string(), ": expected ", what, " from ", least, " to ",
                     std::numeric_limits<std::int32_t>::max(), ", got others"));
  }
  return numbers.to(at::kInt);
}

}  // namespace

at::Tensor read_counts(const fs::path& file) {
  const auto numbers = numbers_in(file);
  if (numbers.dim() != 2 && numbers.dim() != 3) {
    throw Error(text(file.string(),
                     ": expected counts [trials, units] or [pictures, units, repeats], "
                     "got ",
                     numbers.sizes()));
  }
  return whole(file, numbers, numbers.dim() == 3 ? -1 : 0, "whole counts");
}

std::vector<std::int64_t> read_trial_pictures(const fs::path& file) {
  auto numbers = numbers_in(file);
  if (numbers.dim() == 2 && numbers.size(1) == 1) numbers = numbers.select(1, 0);
  if (numbers.dim() == 2 && numbers.size(1) == 2) {
    const auto trials = numbers.select(1, 0);
    if (numbers.size(0) > 1 && !trials.diff().eq(1).all().item<bool>()) {
      throw Error(text(file.string(),
                       ": expected lines of trial,picture whose trials rise by one, "
                       "got others: sort it"));
    }
    numbers = numbers.select(1, 1);
  }
  if (numbers.dim() != 1) {
    throw Error(text(file.string(), ": expected trial,picture or the picture of each trial, got ",
                     numbers.sizes()));
  }
  const auto pictures = whole(file, numbers, -1, "pictures").to(at::kLong).contiguous();
  const auto* first = pictures.const_data_ptr<std::int64_t>();
  return {first, first + pictures.numel()};
}

PictureResponses read_picture_responses(const fs::path& counts, const fs::path& trial_pictures,
                                        const std::string& area) {
  const auto numbers = read_counts(counts);
  const std::vector<std::string> areas(static_cast<std::size_t>(numbers.size(1)), area);
  PictureResponses responses;
  if (numbers.dim() == 3) {
    if (!trial_pictures.empty()) {
      throw UsageError(text(counts.string(), ": holds pictures, units and repeats: leave out ",
                            trial_pictures.string()));
    }
    responses.counts = numbers;
    responses.areas = areas;
    responses.group = at::arange(numbers.size(0), at::kLong);
  } else {
    if (trial_pictures.empty()) {
      throw UsageError(
          text(counts.string(),
               ": holds trials and units: name the file with the picture of each trial"));
    }
    const auto pictures = read_trial_pictures(trial_pictures);
    if (std::ssize(pictures) != numbers.size(0)) {
      throw Error(text(trial_pictures.string(), ": expected the picture of each of ",
                       numbers.size(0), " trials, got ", pictures.size()));
    }
    responses = responses_of(numbers, pictures,
                             *std::max_element(pictures.begin(), pictures.end()) + 1, areas);
  }
  responses.name = counts.stem().string();
  return responses;
}

}  // namespace neurosplat
