#pragma once

#include <memory>
#include <string>

#include "neurosplat/data/picture_source.h"

/// What open_pictures chooses from. Splits are checked before; a source without pictures is
/// refused after.
namespace neurosplat {

std::unique_ptr<PictureSource> open_flowers(const PictureRequest& request);
std::unique_ptr<PictureSource> open_flowers_large(const PictureRequest& request);
std::unique_ptr<PictureSource> open_celeba(const PictureRequest& request);
std::unique_ptr<PictureSource> open_cifar10(const PictureRequest& request);
std::unique_ptr<PictureSource> open_split_folder(const PictureRequest& request);
std::unique_ptr<PictureSource> open_generated(const PictureRequest& request);

/// The place of a split's name in train, val, test; throws UsageError for any other name.
std::size_t split_index(const std::string& split);

/// The requested splits, for messages: "train+val".
std::string joined(const std::vector<std::string>& splits);

}  // namespace neurosplat
