#include "neurosplat/training/picture_batches.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/process_group.h"

namespace neurosplat {
namespace {

LoaderOptions own_part(LoaderOptions options) {
  options.part = processes::place().rank;
  options.parts = processes::count();
  return options;
}

}  // namespace

PictureRequest pictures_of(const ImageOptions& options, const std::vector<std::string>& splits,
                           std::int64_t seed) {
  return {.kind = dataset_from_name(options.dataset),
          .root = options.data,
          .splits = splits,
          .seed = static_cast<std::uint64_t>(seed),
          .split_seed = static_cast<std::uint64_t>(options.split_seed)};
}

LoaderOptions loader_options(const ImageOptions& options, std::int64_t seed) {
  constexpr double kGib = 1 << 30;
  return {.workers = static_cast<int>(options.workers),
          .seed = static_cast<std::uint64_t>(seed),
          .memory_budget = static_cast<std::int64_t>(options.memory_gib * kGib)};
}

at::Tensor held_out_pictures(const ImageOptions& options, const std::string& split,
                             std::int64_t count, LoaderOptions loader) {
  std::string reason = text(split, " is trained on");
  if (std::find(options.splits.begin(), options.splits.end(), split) == options.splits.end()) {
    try {
      std::shared_ptr<const PictureSource> source =
          open_pictures(pictures_of(options, {split}, static_cast<std::int64_t>(loader.seed)));
      const auto wanted = count == 0 ? source->size() : count;
      loader.drop_last = false;
      const PictureLoader held_out(seeded_subset(std::move(source), wanted, loader.seed), loader);
      log::info(text("held out: ", held_out.size(), " pictures of ", split));
      return held_out.pictures(0, held_out.size());
    } catch (const Error& error) {
      reason = error.what();
    }
  }
  log::info(text("no held-out figure while training: ", reason,
                 split == "val" ? "; --held-out-split test would measure on test pictures" : ""));
  return {};
}

PictureBatches::PictureBatches(std::shared_ptr<const PictureSource> source,
                               const LoaderOptions& options)
    : size_(options.batch),
      hash_(source->list_hash()),
      loader_(std::move(source), own_part(options)) {}

std::optional<Batch> PictureBatches::next() {
  auto pictures = loader_.next();
  if (!pictures) return std::nullopt;
  return Batch{std::move(*pictures)};
}

}  // namespace neurosplat
