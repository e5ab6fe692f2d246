#include "neurosplat/data/patch_set.h"

#include <array>
#include <string_view>
#include <utility>

#include "data/patch_sources.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

using Opener = PatchSet (*)(const PatchRequest&);

constexpr std::array<std::pair<std::string_view, Opener>, 5> data_sets = {{
    {"natural", open_natural_patches},
    {"folder", open_folder_patches},
    {"npy", open_npy_patches},
    {"mnist", open_mnist_patches},
    {"synthetic", open_synthetic_patches},
}};

void check_request(const PatchRequest& request) {
  constexpr std::int64_t most = std::int64_t{1} << 24U;
  if (request.side < 4 || request.side > 256)
    throw UsageError(text("expected patches of 4 to 256 pixels a side, got ", request.side));
  if (request.patches < 10 || request.patches > most)
    throw UsageError(text("expected 10 to ", most, " patches, got ", request.patches));
  if (!(request.validation > 0 && request.validation < 1))
    throw UsageError(text("expected a share between 0 and 1 of the patches for validation, got ",
                          request.validation));
  if (!(request.least_deviation >= 0 && request.least_deviation < 1))
    throw UsageError(text("expected a least deviation of patches from 0 to below 1, got ",
                          request.least_deviation));
}

}  // namespace

WhiteningOptions whitening_of(const PatchRequest& request) {
  WhiteningOptions options;
  options.mirrored = request.mirrored_filter;
  return options;
}

PatchSet open_patches(const PatchRequest& request) {
  check_request(request);
  std::string known;
  for (const auto& [name, open] : data_sets) {
    if (request.dataset == name) return open(request);
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw UsageError(
      text("expected patches of a data set, one of ", known, ", got '", request.dataset, "'"));
}

std::vector<std::string> patch_dataset_names() {
  std::vector<std::string> names;
  for (const auto& [name, open] : data_sets) names.emplace_back(name);
  return names;
}

}  // namespace neurosplat
