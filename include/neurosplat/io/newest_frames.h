#pragma once

#include <memory>

#include "neurosplat/io/frame_source.h"

namespace neurosplat {

/// The frames of `source`, read by a thread of its own; only the newest is kept, so that whoever
/// takes longer than a frame sees what is there now and not what is late. What was replaced before
/// it was taken counts as dropped. With `at_its_rate` frames come no faster than the source says
/// they were taken, which makes a camera of a video. `next` waits for a frame and gives nothing
/// once the program is interrupted; an error of the source comes after its last frame.
std::unique_ptr<FrameSource> newest_frames(std::unique_ptr<FrameSource> source, bool at_its_rate);

}  // namespace neurosplat
