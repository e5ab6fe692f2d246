#include "neurosplat/systems/iterative_vae/bar_figures.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/data/stimuli.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/systems/iterative_vae/dictionary.h"

namespace neurosplat {
namespace {

constexpr int kField = 256, kGap = 4, kLabel = 20;
constexpr int kTuningWidth = 640, kTraceHeight = 260, kRasterHeight = 360;
constexpr int kFigureWidth = 2 * kField + 2 * kGap + kTuningWidth;
constexpr int kMovieTraceHeight = 216;
constexpr Colour kRate = {0.84F, 0.12F, 0.15F}, kSpike = {0.12F, 0.37F, 0.75F},
                 kNow = {0.6F, 0.6F, 0.6F}, kRest = {0.3F, 0.3F, 0.3F};

std::int64_t side_of(const ShownNeuron& shown) {
  return std::llround(std::sqrt(static_cast<double>(shown.column.numel())));
}

/// [H, W] to so many pixels a side, the nearest.
at::Tensor stretched(const at::Tensor& map, std::int64_t height, std::int64_t width) {
  const auto places = [](std::int64_t to, std::int64_t from) {
    return at::arange(to, at::kLong).mul(from).floor_divide(to);
  };
  return map.index_select(0, places(height, map.size(0)))
      .index_select(1, places(width, map.size(1)));
}

at::Tensor field_of(const ShownNeuron& shown) {
  const auto side = side_of(shown);
  const auto column = shown.column.view({side, side});
  const double largest = std::max(column.abs().max().item<double>(), 1e-30);
  return stretched(0.5 + 0.5 * column / largest, kField, kField);
}

/// The frames of the preferred direction, [side, side] each, one after the other from the first.
std::unique_ptr<FrameFeeder> bars_of(const ShownNeuron& shown) {
  const auto& experiment = shown.experiment;
  return moving_bars({.angles = {experiment.degrees(shown.preferred())},
                      .width_share = experiment.width_share,
                      .blank_frames = experiment.blank_frames,
                      .moving_frames = experiment.moving_frames},
                     side_of(shown));
}

at::Tensor bar_at(const ShownNeuron& shown, std::int64_t frame) {
  const auto feeder = bars_of(shown);
  at::Tensor picture;
  for (std::int64_t i = 0; i <= frame; ++i) picture = feeder->next();
  return picture.view({side_of(shown), side_of(shown)});
}

/// The receptive field, yellowish where the bar is.
at::Tensor under_bar(const at::Tensor& field, const at::Tensor& bar) {
  constexpr double kShare = 0.45;
  const auto lit = kShare * stretched(bar, kField, kField).unsqueeze(0);
  const auto colour = at::tensor(at::ArrayRef<float>(kYellow.data(), 3)).view({3, 1, 1});
  return grey_picture(field) * (1.0 - lit) + colour * lit;
}

std::string degrees_text(const ShownNeuron& shown) {
  return fixed(shown.experiment.degrees(shown.preferred()), 0);
}

/// Three places a frame, so that a spike is a line up and down again.
constexpr std::size_t kPlaces = 3;

std::vector<double> frame_axis(const FrameWindow& window) {
  std::vector<double> axis;
  for (std::int64_t i = 0; i < window.count; ++i) {
    axis.insert(axis.end(), kPlaces, static_cast<double>(window.first + i));
  }
  return axis;
}

/// Steps of `values` [count]; as stems, or level.
std::vector<double> curve_of(const at::Tensor& values, bool stems) {
  const auto numbers = values.to(at::kDouble).contiguous();
  std::vector<double> curve;
  for (std::int64_t i = 0; i < numbers.numel(); ++i) {
    const double value = numbers.const_data_ptr<double>()[i], foot = stems ? 0.0 : value;
    curve.insert(curve.end(), {foot, value, foot});
  }
  return curve;
}

/// Rate and spikes of a window at the preferred direction, spikes until frame `now` of it.
at::Tensor trace_picture(const ShownNeuron& shown, const FrameWindow& window, std::int64_t now,
                         int height, int width) {
  const auto of = [&](const at::Tensor& values) {
    return values.select(1, shown.preferred()).narrow(0, window.first, window.count);
  };
  const auto rates = of(shown.trace.rates), spikes = of(shown.trace.spikes);
  auto seen = spikes.clone();
  if (now + 1 < window.count) seen.narrow(0, now + 1, window.count - now - 1).zero_();
  std::vector<Curve> curves = {{"spikes", curve_of(seen, true), kSpike}};
  // The highest of the window holds the axis still while spikes come.
  if (now + 1 < window.count) {
    auto line = at::zeros_like(rates);
    line[now] = std::max(rates.max().item<double>(), spikes.max().item<double>());
    curves.push_back({"now", curve_of(line, true), kNow});
  }
  curves.push_back({"rate, spikes/frame", curve_of(rates, false), kRate});
  return draw_curves(frame_axis(window), curves, "frame", height, width);
}

at::Tensor tuning_picture(const ShownNeuron& shown) {
  std::vector<double> degrees, peaks;
  const auto values = shown.peak_rate.to(at::kDouble).contiguous();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    degrees.push_back(shown.experiment.degrees(i));
    peaks.push_back(values.const_data_ptr<double>()[i]);
  }
  // The axis begins at no response.
  const std::vector<double> nothing(degrees.size(), 0.0);
  return draw_curves(degrees, {{"", nothing, kRest}, {"peak rate, spikes/frame", peaks, kRate}},
                     "bar, degrees", kField, kTuningWidth);
}

at::Tensor raster_picture(const ShownNeuron& shown) {
  const auto& experiment = shown.experiment;
  const auto moving =
      shown.trace.spikes.narrow(0, experiment.blank_frames, experiment.moving_frames)
          .t()
          .to(at::kFloat);
  const double most = std::max(moving.max().item<double>(), 1.0);
  return with_label(magma(stretched(moving / most, kRasterHeight, kFigureWidth)),
                    text("spikes, at most ", fixed(most, 0),
                         " a frame: bar from 0 to 360 degrees "
                         "down, frames ",
                         experiment.blank_frames, " to ", experiment.frames() - 1, " across"));
}

}  // namespace

std::int64_t ShownNeuron::preferred() const {
  return peak_rate.argmax().item<std::int64_t>();
}

std::int64_t ShownNeuron::peak_frame() const {
  const auto moving = trace.rates.select(1, preferred())
                          .narrow(0, experiment.blank_frames, experiment.moving_frames);
  return experiment.blank_frames + moving.argmax().item<std::int64_t>();
}

FrameWindow window_around_peak(const ShownNeuron& shown, std::int64_t frames) {
  const auto& experiment = shown.experiment;
  const auto count = std::clamp<std::int64_t>(frames, 1, experiment.moving_frames);
  const auto first = std::clamp(shown.peak_frame() - count / 2, experiment.blank_frames,
                                experiment.frames() - count);
  return {first, count};
}

at::Tensor bar_figure(const ShownNeuron& shown) {
  const at::NoGradGuard no_gradient;
  const auto field = field_of(shown);
  const auto peak = shown.peak_frame();
  const auto name = text("neuron ", shown.neuron);
  const FrameWindow moving = {shown.experiment.blank_frames, shown.experiment.moving_frames};
  return sheet_of(
      {{with_label(grey_picture(field), name + ": its column"),
        with_label(under_bar(field, bar_at(shown, peak)),
                   text("bar at ", degrees_text(shown), " deg, frame ", peak)),
        with_label(tuning_picture(shown), "tuning")},
       {with_label(trace_picture(shown, moving, moving.count - 1, kTraceHeight, kFigureWidth),
                   text("bar at ", degrees_text(shown), " deg"))},
       {raster_picture(shown)}},
      kGap);
}

void write_bar_movie(const ShownNeuron& shown, const FrameWindow& window, FrameSink& sink) {
  const at::NoGradGuard no_gradient;
  static_assert((2 * kField + kGap) % 2 == 0 &&
                (kField + kLabel + kGap + kMovieTraceHeight) % 2 == 0);
  const auto field = field_of(shown);
  const auto feeder = bars_of(shown);
  for (std::int64_t i = 0; i < window.first; ++i) feeder->next();
  for (std::int64_t i = 0; i < window.count; ++i) {
    const auto bar = feeder->next().view({side_of(shown), side_of(shown)});
    sink.write(sheet_of({{with_label(grey_picture(stretched(bar, kField, kField)),
                                     text("frame ", window.first + i)),
                          with_label(under_bar(field, bar), text("neuron ", shown.neuron))},
                         {trace_picture(shown, window, i, kMovieTraceHeight, 2 * kField + kGap)}},
                        kGap));
  }
  sink.close();
}

}  // namespace neurosplat
