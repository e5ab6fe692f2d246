#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

namespace neurosplat {

/// Pictures a part at a time, uint8 [K, 3, S, S]; nothing after the last.
using PictureParts = std::function<std::optional<at::Tensor>()>;

}  // namespace neurosplat
