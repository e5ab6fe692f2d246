#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace neurosplat {

/// Shows a batch of small pictures frame after frame. Frames are on the CPU. x runs along a row, y
/// down the columns, both in pixels from the middle of the picture.
class FrameFeeder {
 public:
  virtual ~FrameFeeder() = default;
  /// The next frame, float32 [B, side * side], row by row; the caller may keep and change it.
  virtual at::Tensor next() = 0;
};

/// A walk of steps drawn from N(0, diffusion) px on each axis, drawn back to the middle by `spring`
/// times the distance.
struct Walk {
  double diffusion;  ///< px^2 a frame
  double spring;     ///< 1/frame
};

/// The same frame for ever. `patches`: float32 [B, side * side]. All makers throw UsageError for
/// shapes and numbers that do not fit.
std::unique_ptr<FrameFeeder> stationary(const at::Tensor& patches);

/// A window of `side` pixels that walks over each picture, a walk of its own for each, as far as
/// the picture goes and to whole pixels. It starts in the middle and has taken a step before the
/// first frame. `pictures`: float32 [B, H, W], neither side shorter than the window.
std::unique_ptr<FrameFeeder> jitter_crop(const at::Tensor& pictures, std::int64_t side,
                                         std::uint64_t seed, Walk walk = {0.5, 0.01});

/// The same of patches with zeros around them, `margin` pixels wide, to parts of pixels (bilinear).
std::unique_ptr<FrameFeeder> jitter_pad(const at::Tensor& patches, std::int64_t margin,
                                        std::uint64_t seed, Walk walk = {0.6, 0.03});

/// Patches that turn about their middles, counter-clockwise as they are seen: bilinear, zeros from
/// outside, and then each pixel gets the value of the patch that has its rank (the mean of those of
/// pixels that are alike), so that all frames have the histogram of the patch. The first angle is
/// drawn for each patch, or is `first_degrees`.
std::unique_ptr<FrameFeeder> rotating(const at::Tensor& patches, double degrees_per_step,
                                      std::uint64_t seed,
                                      std::optional<double> first_degrees = std::nullopt);

struct Grating {
  std::vector<double> orientations;  ///< degrees, one a picture: where the wave goes, from x to y
  double spatial_frequency = 0.125;  ///< cycles/px
  double temporal_frequency = 0.1;   ///< cycles/frame
  double contrast = 1.0;
};
/// contrast sin(2 pi (f_s s - f_t t)), s = x cos + y sin, t = 0, 1, ...
std::unique_ptr<FrameFeeder> drifting_grating(const Grating& grating, std::int64_t side);

/// Independent normal numbers, mean 0 and deviation 1, other ones in each frame.
std::unique_ptr<FrameFeeder> white_noise(std::int64_t batch, std::int64_t side, std::uint64_t seed);

/// The bars of the Hubel and Wiesel experiment, one angle a picture.
struct MovingBars {
  std::vector<double> angles;       ///< degrees, of the bar: 0 lies along x
  double width_share = 0.2;         ///< of the picture's side
  std::int64_t blank_frames = 300;  ///< all 0, before the bar comes
  std::int64_t moving_frames = 400;
};
/// 1 on the bar, |-x sin + y cos - c| <= w / 2, and 0 elsewhere; its middle c moves evenly from -s
/// to s, s = side / 2 + 1.5 w, both ends shown. Frames after the last are blank.
std::unique_ptr<FrameFeeder> moving_bars(const MovingBars& bars, std::int64_t side);

}  // namespace neurosplat
