#include "neurosplat/training/picture_batches.h"

#include <ATen/core/Tensor.h>

#include <utility>

namespace neurosplat {

PictureBatches::PictureBatches(std::shared_ptr<const PictureSource> source,
                               const LoaderOptions& options)
    : size_(options.batch), hash_(source->list_hash()), loader_(std::move(source), options) {}

std::optional<Batch> PictureBatches::next() {
  auto pictures = loader_.next();
  if (!pictures) return std::nullopt;
  return Batch{std::move(*pictures)};
}

}  // namespace neurosplat
