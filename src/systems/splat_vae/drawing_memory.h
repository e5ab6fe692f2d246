#pragma once

#include <cstdint>

#include "neurosplat/figure/picture_sheet.h"

namespace neurosplat::apps {

/// How many pictures are drawn at a time, and with the dense renderer how many of a picture's
/// packets: at once as many as at 1024 x 1024 pixels, more of smaller pictures.
std::int64_t pictures_at_a_time(std::int64_t side, bool dense);
std::int64_t packets_at_a_time(std::int64_t side);

/// Bytes that drawing so takes.
DrawingBytes drawing_bytes(bool dense);

}  // namespace neurosplat::apps
