#include "neurosplat/systems/spike_decoder/live_replay.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSide = 256;  // of a panel

class ReplaySource : public FrameSource {
 public:
  ReplaySource(at::Tensor pictures, double rate) : pictures_(std::move(pictures)), rate_(rate) {}

  std::optional<Frame> next() override {
    if (given_ == pictures_.size(0)) return std::nullopt;
    const auto picture = pictures_[given_++];
    return Frame{picture.contiguous(), std::to_string(given_)};
  }
  double frames_per_second() const override { return rate_; }
  std::int64_t frame_count() const override { return pictures_.size(0); }
  std::string description() const override {
    return text("recording of ", pictures_.size(0), " pictures, ", pictures_.size(2), "x",
                pictures_.size(3));
  }

 private:
  at::Tensor pictures_;
  double rate_;
  std::int64_t given_ = 0;
};

LockSolverSettings lock_settings() {
  LockSolverSettings settings;
  settings.geometry = Geometry::decoder;
  return settings;
}

/// A picture [3, S, S] or map [S, S] as a panel.
at::Tensor panel(const at::Tensor& picture, const std::string& label) {
  const auto whole = picture.dim() == 2 ? grey_picture(picture) : picture;
  return with_label(at::upsample_nearest2d(whole.unsqueeze(0), {kSide, kSide})[0], label);
}

at::Tensor grey_of(const at::Tensor& picture) {
  return 0.299 * picture[0] + 0.587 * picture[1] + 0.114 * picture[2];
}

}  // namespace

std::unique_ptr<FrameSource> replay_source(const at::Tensor& pictures, double frames_per_second) {
  return std::make_unique<ReplaySource>(pictures, frames_per_second);
}

LiveReplay::LiveReplay(const SplatVae& model, Replayed recorded, const ReplaySettings& settings)
    : model_(model),
      recorded_(std::move(recorded)),
      budget_ms_(settings.budget_ms),
      cortex_(settings.cortex),
      solver_(make_lock_solver(model, lock_settings())),
      most_(recorded_.responses.amax(0).clamp_min(1e-9)) {
  if (!(budget_ms_ > 0)) {
    throw UsageError(text("budget: expected milliseconds above 0, got ", budget_ms_));
  }
  const auto count = recorded_.pictures.size(0), latent = model.architecture().latent;
  if (recorded_.responses.size(0) != count ||
      recorded_.latents.sizes() != at::IntArrayRef({count, latent})) {
    throw UsageError(text("replay: expected responses to and ", latent, " latents of ", count,
                          " pictures, got ", recorded_.responses.sizes(), " and ",
                          recorded_.latents.sizes()));
  }
}

at::Tensor LiveReplay::prior_of(std::int64_t picture) const {
  const at::NoGradGuard no_gradient;
  return model_.draw(model_.decode(recorded_.latents[picture].unsqueeze(0)))[0].cpu();
}

/// Units below each other, pictures from left to right, the present one last.
at::Tensor LiveReplay::raster(std::int64_t picture) const {
  auto strip = at::zeros({recorded_.responses.size(1), kRasterPictures}, at::kFloat);
  const auto count = std::min(picture + 1, kRasterPictures);
  const auto rows = recorded_.responses.narrow(0, picture + 1 - count, count) / most_;
  strip.narrow(1, kRasterPictures - count, count).copy_(rows.t());
  return strip;
}

SeenFrame LiveReplay::see(const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto picture = std::stoll(frame.name) - 1;
  const auto size = model_.architecture().image_size;
  const auto retina = centre_square(frame.picture, size).to(at::kFloat) / 255.0;
  const auto prior = prior_of(picture);
  const auto grey = grey_of(retina);
  // The gate wants pictures of the size that it was made for.
  const auto wide = [](const at::Tensor& map) {
    return at::_upsample_bilinear2d_aa(map.view({1, 1, map.size(0), map.size(1)}), {kSide, kSide},
                                       /*align_corners=*/false)[0][0];
  };
  const auto seen = cortex_.perceive(wide(grey), wide(grey_of(prior)));
  solver_->expect(recorded_.latents[picture]);
  const auto view = solver_->follow(retina, budget_ms_);
  const double most = std::max(seen.surprise.max().item<double>(), 1e-9);
  SeenFrame result;
  result.panels =
      sheet_of({{panel(retina, text("shown, picture ", frame.name)),
                 panel(raster(picture), "spikes of the last pictures"),
                 panel(prior, "prior: decoded from spikes")},
                {panel(seen.percept, "percept = prior + agreement"),
                 panel(magma(seen.surprise / most), "surprise"), panel(view.locked, "locked")}});
  result.latency_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  result.numbers = {map_psnr_db(prior, retina), map_psnr_db(seen.percept, wide(grey)),
                    view.psnr_db};
  result.note = text(fixed(result.numbers[0], 1), " -> ", fixed(result.numbers[2], 1), " dB");
  return result;
}

void LiveReplay::reset() {
  cortex_.reset();
  solver_->reset();
}

std::vector<LiveColumn> replay_columns() {
  return {{"prior_psnr_db", 4}, {"percept_psnr_db", 4}, {"locked_psnr_db", 4}};
}

}  // namespace neurosplat
