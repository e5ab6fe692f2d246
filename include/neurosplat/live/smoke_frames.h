#pragma once

#include <memory>

#include "neurosplat/io/frame_source.h"

namespace neurosplat {

/// A few frames without a camera: a bright, blurred square in seeded noise
/// (docs/neuro-splat.md, "Agreement gate") that moves by `step` pixels a frame, 256x256.
std::unique_ptr<FrameSource> smoke_frames(int count, int step);

}  // namespace neurosplat
