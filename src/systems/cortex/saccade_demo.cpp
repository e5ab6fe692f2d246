#include "neurosplat/systems/cortex/saccade_demo.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/cortex/agreement_experiment.h"
#include "systems/cortex/demo_gaze.h"

namespace neurosplat {
namespace {

constexpr double kErrorSigma = 2.0;       // pixels
constexpr double kInhibitionShare = 0.9;  // of the fovea
constexpr std::int64_t kGistSide = 9;

/// Where packets are and how they vary; all [N].
struct Geometry {
  at::Tensor x, y, width, orientation, frequency;
};

/// What each packet draws with coefficients (1, 0), then with (0, 1): [2N, S * S]. What a set of
/// coefficients draws is its product with these rows.
at::Tensor basis_of(const Geometry& geometry, std::int64_t side) {
  const auto count = geometry.x.size(0);
  auto packets = at::zeros({2, count, 1, packet::numbers(1)}, at::kDouble);
  packets.select(3, packet::kX).copy_(geometry.x.unsqueeze(-1));
  packets.select(3, packet::kY).copy_(geometry.y.unsqueeze(-1));
  packets.select(3, packet::kWidth).copy_(geometry.width.unsqueeze(-1));
  packets.select(3, packet::kOrientation).copy_(geometry.orientation.unsqueeze(-1));
  packets.select(3, packet::kFrequency).copy_(geometry.frequency.unsqueeze(-1));
  packets[0].select(2, packet::kCoefficients).fill_(1.0);
  packets[1].select(2, packet::kCoefficients + 1).fill_(1.0);
  return render(packets.flatten(0, 1), side, side,
                {.form = PacketForm::activated,
                 .output = Output::linear,
                 .renderer = RendererKind::dense})
      .flatten(1);
}

/// Adam on the coefficients of `basis` for the weighted squared error against `target`.
at::Tensor fitted(const at::Tensor& basis, const at::Tensor& start, const at::Tensor& target,
                  const at::Tensor& weights, std::int64_t steps, double rate) {
  const at::AutoGradMode gradient(true);
  auto coefficients = start.detach().clone().requires_grad_();
  torch::optim::Adam adam({coefficients}, torch::optim::AdamOptions(rate));
  for (std::int64_t step = 0; step < steps; ++step) {
    adam.zero_grad();
    const auto error = at::matmul(coefficients, basis) - target;
    (weights * error.square()).sum().backward();
    adam.step();
  }
  return coefficients.detach();
}

at::Tensor draw_gist(const SaccadeDemoRequest& request) {
  const auto side = request.picture.size(0), count = request.gist_draws.size(1);
  const auto axis = at::linspace(0.1, 0.9, kGistSide, at::kDouble);
  const auto all = [&](double value) { return at::full({count}, value, at::kDouble); };
  const Geometry geometry{axis.repeat_interleave(kGistSide).narrow(0, 0, count),  // x slow
                          axis.repeat({kGistSide}).narrow(0, 0, count), all(request.gist_width),
                          request.gist_draws[0], all(request.gist_frequency)};
  // The last row is the bias.
  const auto pixels = side * side;
  const auto basis = at::cat({basis_of(geometry, side), at::ones({1, pixels}, at::kDouble)});
  const auto start =
      at::cat({request.gist_draws[1], request.gist_draws[2], request.picture.mean().view({1})});
  const auto weights = at::full({pixels}, 1.0 / static_cast<double>(pixels), at::kDouble);
  const auto coefficients = fitted(basis, start, request.picture.flatten(), weights,
                                   request.gist_steps, request.gist_rate);
  return at::matmul(coefficients, basis).view({side, side});
}

/// What the packets of one saccade add round `fixation`.
at::Tensor draw_saccade(const SaccadeDemoRequest& request, const at::Tensor& draws,
                        const Fixation& fixation, const at::Tensor& window,
                        const at::Tensor& missing) {
  const auto side = request.picture.size(0), count = draws.size(1);
  const double scale = 1.0 / static_cast<double>(side - 1);
  const auto radius = request.fovea * draws[1].sqrt();
  const auto frequencies =
      at::logspace(std::log10(request.lowest_frequency), std::log10(request.highest_frequency),
                   count, 10.0, at::kDouble);
  const auto place = [&](std::int64_t pixel, const at::Tensor& offset) {
    return (static_cast<double>(pixel) * scale + offset).clamp(0.0, 1.0);
  };
  const Geometry geometry{place(fixation.column, radius * draws[0].cos()),
                          place(fixation.row, radius * draws[0].sin()),
                          at::full({count}, request.width, at::kDouble), draws[2],
                          frequencies.index_select(0, draws[3].to(at::kLong))};
  const auto basis = basis_of(geometry, side);
  const auto coefficients = fitted(basis, at::cat({draws[4], draws[5]}), missing.flatten(),
                                   (window / window.sum()).flatten(), request.steps, request.rate);
  return at::matmul(coefficients, basis).view({side, side});
}

void check(const SaccadeDemoRequest& request) {
  const auto& picture = request.picture;
  if (picture.dim() != 2 || picture.size(0) != picture.size(1) || picture.size(0) < 2 ||
      picture.scalar_type() != at::kDouble) {
    throw UsageError(text("picture: expected float64 [S, S], got ", picture.sizes()));
  }
  const auto& gist = request.gist_draws;
  if (gist.dim() != 2 || gist.size(0) != 3 || gist.size(1) < 1 ||
      gist.size(1) > kGistSide * kGistSide || gist.scalar_type() != at::kDouble) {
    throw UsageError(text("gist draws: expected float64 [3, 1 to 81], got ", gist.sizes()));
  }
  const auto& draws = request.draws;
  if (draws.dim() != 3 || draws.size(0) < 1 || draws.size(1) != 6 || draws.size(2) < 1 ||
      draws.scalar_type() != at::kDouble) {
    throw UsageError(text("draws: expected float64 [saccades, 6, packets], got ", draws.sizes()));
  }
  const auto places = draws.select(1, 3), shares = draws.select(1, 1);
  if (places.min().item<double>() < 0.0 ||
      places.max().item<double>() > static_cast<double>(draws.size(2) - 1) ||
      shares.min().item<double>() < 0.0) {
    throw UsageError("draws: expected radii from 0 on and frequencies' places below their count");
  }
}

}  // namespace

SaccadeDemoResult run_saccade_demo(const SaccadeDemoRequest& request) {
  const at::NoGradGuard no_gradient;
  check(request);
  const auto& picture = request.picture;
  const auto side = picture.size(0);
  const double pixels = static_cast<double>(side - 1);
  SaccadeDemoResult result{};
  result.gist = draw_gist(request);
  result.result = result.gist;
  result.coverage = at::zeros_like(picture);
  Gaze gaze(side, side, kInhibitionShare * request.fovea * pixels, 0, at::kDouble);
  ProgressLine progress("saccades", "fixations", request.draws.size(0));
  for (std::int64_t i = 0; i < request.draws.size(0); ++i) {
    const auto missing = picture - result.result;
    const auto fixation = gaze.most_salient(gaussian_blur(missing.abs(), kErrorSigma));
    gaze.inhibit(fixation);
    const auto window = fovea(side, side, fixation, request.fovea * pixels, at::kDouble);
    result.result =
        result.result + draw_saccade(request, request.draws[i], fixation, window, missing);
    result.coverage = (result.coverage + window).clamp_max(1.0);
    result.fixations.push_back(fixation);
    progress.update(i + 1);
  }
  const auto rest = 1.0 - result.coverage;
  result.fovea_before_db = map_psnr_db(result.gist, picture, result.coverage);
  result.fovea_after_db = map_psnr_db(result.result, picture, result.coverage);
  result.periphery_before_db = map_psnr_db(result.gist, picture, rest);
  result.periphery_after_db = map_psnr_db(result.result, picture, rest);
  result.whole_before_db = map_psnr_db(result.gist, picture);
  result.whole_after_db = map_psnr_db(result.result, picture);
  return result;
}

at::Tensor random_gist_draws(std::int64_t packets, std::uint64_t seed) {
  const auto generator = at::detail::createCPUGenerator(seed);
  return at::stack({at::rand({packets}, generator, at::kDouble) * std::numbers::pi,
                    at::randn({packets}, generator, at::kDouble) * 0.05,
                    at::randn({packets}, generator, at::kDouble) * 0.05});
}

at::Tensor random_saccade_draws(std::int64_t saccades, std::int64_t packets, std::uint64_t seed) {
  const auto generator = at::detail::createCPUGenerator(seed);
  const auto uniform = [&] { return at::rand({packets}, generator, at::kDouble); };
  const auto normal = [&] { return at::randn({packets}, generator, at::kDouble) * 0.02; };
  std::vector<at::Tensor> rows;
  for (std::int64_t i = 0; i < saccades; ++i) {
    const auto angle = uniform() * (2.0 * std::numbers::pi), share = uniform();
    const auto orientation = uniform() * std::numbers::pi;
    const auto order = at::randperm(packets, generator, at::kLong).to(at::kDouble);
    const auto a = normal(), b = normal();
    rows.push_back(at::stack({angle, share, orientation, order, a, b}));
  }
  return at::stack(rows);
}

at::Tensor saccade_figure(const SaccadeDemoRequest& request, const SaccadeDemoResult& result) {
  constexpr int kZoom = 3;
  const auto zoomed = [](const at::Tensor& map) {
    return map.clamp(0.0, 1.0).repeat_interleave(kZoom, 0).repeat_interleave(kZoom, 1);
  };
  auto places = places_of(result.fixations);
  for (auto& place : places) {
    place = {kZoom * (place.row + 0.5) - 0.5, kZoom * (place.column + 0.5) - 0.5};
  }
  return sheet_of({{with_label(grey_picture(zoomed(request.picture)), "retina"),
                    with_label(grey_picture(zoomed(result.gist)),
                               text("gist, fovea ", fixed(result.fovea_before_db, 2), " dB")),
                    with_label(with_path(grey_picture(zoomed(result.result)), places, kYellow),
                               text(result.fixations.size(), " saccades, ",
                                    fixed(result.fovea_after_db, 2), " dB")),
                    with_label(magma(zoomed(result.coverage)), "fovea coverage")}});
}

}  // namespace neurosplat
