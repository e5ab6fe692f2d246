#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "neurosplat/io/frame_sink.h"

namespace neurosplat {

/// A sink that writes frame n, from 1, as the PNG file `name(n)`, whole or not at all, over what
/// is there.
std::unique_ptr<FrameSink> named_pictures(std::function<std::filesystem::path(std::int64_t)> name);

}  // namespace neurosplat
