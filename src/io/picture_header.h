#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace neurosplat {

struct PictureSize {
  std::uint64_t width;   ///< pixels
  std::uint64_t height;  ///< pixels
};

/// Walks the structure of a PNG, JPEG, BMP or WebP file without decoding it: its size, and that
/// it is whole. The decoders would fill in a cut picture with grey, allocate whatever size it
/// claims, or complain on standard error. Throws Error that says what is wrong, without a path.
PictureSize check_picture(std::span<const std::uint8_t> bytes);

/// Takes the colour profile out of a checked PNG: it is not used, and the decoder complains on
/// standard error about many of them. Leaves other formats alone.
void drop_colour_profile(std::vector<std::uint8_t>& bytes);

}  // namespace neurosplat
