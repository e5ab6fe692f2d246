#include "neurosplat/systems/splat_predictor/koopman_probe.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/figure/drawing.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

constexpr double kStaticSigma = 3.0;

/// Principal components, mean removed.
struct Components {
  at::Tensor mean, rows;  ///< [D]; [r, D], orthonormal

  at::Tensor encode(const at::Tensor& frames) const { return at::matmul(frames - mean, rows.t()); }
  at::Tensor decode(const at::Tensor& latents) const { return at::matmul(latents, rows) + mean; }
};

/// Of frames [T, D]: at most those along which they vary at all, since further ones point anywhere.
Components components_of(const at::Tensor& frames, std::int64_t components) {
  const auto mean = frames.mean(0);
  const auto [u, spread, rows] = at::linalg_svd(frames - mean, /*full_matrices=*/false);
  const auto varied = (spread > 1e-12 * spread[0]).sum().item<std::int64_t>();
  return {mean, rows.narrow(0, 0, std::min(components, std::max<std::int64_t>(varied, 1)))};
}

void check(const KoopmanRequest& request) {
  const auto& frames = request.frames;
  if (frames.dim() != 3 || !frames.is_floating_point() || frames.numel() == 0) {
    throw UsageError(text("frames: expected float [T, H, W], got ", frames.sizes()));
  }
  const auto count = frames.size(0);
  if (request.fitted < 2 || request.fitted > count - 2) {
    throw UsageError(text("fitted: expected 2 to ", count - 2, " of the ", count, " frames, got ",
                          request.fitted));
  }
  const auto most = std::min(count, frames[0].numel());
  if (request.components < 1 || request.components > most) {
    throw UsageError(text("components: expected 1 to ", most, ", got ", request.components));
  }
  if (request.anchors < 2 || request.anchors > 10000) {
    throw UsageError(text("anchors: expected 2 to 10000, got ", request.anchors));
  }
  if (request.shown < 0 || request.shown > count - 2) {
    throw UsageError(
        text("shown: expected a frame from 0 to ", count - 2, ", got ", request.shown));
  }
}

/// Mean over frames [K, D] of each one's PSNR.
double mean_psnr(const at::Tensor& foreseen, const at::Tensor& true_frames) {
  const auto as_pictures = [](const at::Tensor& flat) {
    return flat.clamp(0.0, 1.0).unsqueeze(1).unsqueeze(1);
  };
  return psnr_db(as_pictures(foreseen), as_pictures(true_frames)).mean().item<double>();
}

double top_tenth(const at::Tensor& map) {
  const auto flat = map.flatten();
  const auto threshold = at::quantile(flat, 0.9);
  return (flat.masked_select(flat >= threshold).sum() / flat.sum()).item<double>();
}

std::vector<double> anchors_of(const KoopmanRequest& request) {
  std::vector<double> anchors;
  for (std::int64_t i = 0; i < request.anchors; ++i) {
    anchors.push_back(static_cast<double>(i) / static_cast<double>(request.anchors - 1));
  }
  return anchors;
}

/// Fits K to the first `fitted` of frames [T, D] in these components and foresees the rest with it.
KoopmanScores scores_with(const Components& pca, const at::Tensor& frames, std::int64_t fitted,
                          const std::vector<double>& anchors) {
  const auto latents = pca.encode(frames);
  KoopmanScores scores{};
  // z(t+1) = K z(t) over the fitted frames, by least squares of smallest norm.
  scores.k = at::matmul(at::linalg_pinv(latents.narrow(0, 0, fitted - 1)),
                        latents.narrow(0, 1, fitted - 1))
                 .t();
  const auto tested = frames.size(0) - 1 - fitted;
  const auto z = latents.narrow(0, fitted, tested);
  const auto next = frames.narrow(0, fitted + 1, tested);
  const auto moved = at::matmul(z, scores.k.t());
  scores.free_db = mean_psnr(pca.decode(moved), next);
  scores.latent_persistence_db = mean_psnr(pca.decode(z), next);
  scores.static_mean_db = mean_psnr(pca.mean.expand_as(next), next);
  for (const double a : anchors) {
    scores.anchored_db.push_back(mean_psnr(pca.decode(z + a * (moved - z)), next));
  }
  const auto best = std::max_element(scores.anchored_db.begin(), scores.anchored_db.end());
  scores.best_anchored_db = *best;
  scores.best_anchor = anchors[static_cast<std::size_t>(best - scores.anchored_db.begin())];
  return scores;
}

}  // namespace

KoopmanResult run_koopman_probe(const KoopmanRequest& request) {
  const at::NoGradGuard no_gradient;
  check(request);
  const auto frames = request.frames.to(at::kCPU, at::kDouble).flatten(1);
  const auto seen = frames.narrow(0, 0, request.fitted);
  const auto pca = components_of(frames, request.components);
  const auto seen_pca = components_of(seen, request.components);
  KoopmanResult result{};
  result.anchor = anchors_of(request);
  result.all_frames = scores_with(pca, frames, request.fitted, result.anchor);
  result.fitted_frames = scores_with(seen_pca, frames, request.fitted, result.anchor);
  result.fitted_components = seen_pca.rows.size(0);
  const auto tested = frames.size(0) - 1 - request.fitted;
  result.persistence_db = mean_psnr(frames.narrow(0, request.fitted, tested),
                                    frames.narrow(0, request.fitted + 1, tested));

  const auto height = request.frames.size(1), width = request.frames.size(2);
  const auto picture = [&](const at::Tensor& flat) { return flat.view({height, width}); };
  const auto z_shown = pca.encode(frames[request.shown].unsqueeze(0))[0];
  result.now = picture(frames[request.shown]);
  result.next = picture(frames[request.shown + 1]);
  result.free_prediction = picture(pca.decode(at::matmul(result.all_frames.k, z_shown)));
  result.latent_prediction = picture(pca.decode(z_shown));
  result.temporal = (result.next - result.now).abs();
  result.fixed = (result.now - gaussian_blur(result.now, kStaticSigma)).abs();
  result.temporal_mass = top_tenth(result.temporal);
  result.static_mass = top_tenth(result.fixed);
  return result;
}

at::Tensor koopman_figure(const KoopmanResult& result) {
  constexpr std::int64_t kPanel = 192;
  const auto zoom = std::max<std::int64_t>(1, kPanel / result.now.size(1));
  const auto zoomed = [&](const at::Tensor& map) {
    return map.clamp(0.0, 1.0).repeat_interleave(zoom, 0).repeat_interleave(zoom, 1);
  };
  const auto grey = [&](const at::Tensor& map, const std::string& label) {
    return with_label(grey_picture(zoomed(map)), label);
  };
  const auto hot = [&](const at::Tensor& map, const std::string& label) {
    return with_label(magma(zoomed(map / std::max(map.max().item<double>(), 1e-12))), label);
  };
  const auto share = [](double mass) { return fixed(100.0 * mass, 1) + " %"; };
  const auto flat = [&](double db) { return std::vector<double>(result.anchor.size(), db); };
  const auto chart =
      draw_curves(result.anchor,
                  {{"K(a) = I + a (K - I)", result.all_frames.anchored_db, {0.1F, 0.3F, 0.8F}},
                   {"basis of fitted frames", result.fitted_frames.anchored_db, {0.1F, 0.6F, 0.2F}},
                   {"copy the frame", flat(result.persistence_db), {0.9F, 0.5F, 0.1F}},
                   {"mean frame", flat(result.all_frames.static_mean_db), {0.5F, 0.5F, 0.5F}}},
                  "a; PSNR of the next frame, dB", static_cast<int>(zoom * result.now.size(0)) + 20,
                  static_cast<int>(2 * zoom * result.now.size(1)) + 4);
  return sheet_of({{grey(result.now, "frame t"), grey(result.next, "frame t+1"),
                    grey(result.free_prediction, "decode(K z), free"),
                    grey(result.latent_prediction, "decode(z)")},
                   {hot(result.temporal, "temporal, " + share(result.temporal_mass)),
                    hot(result.fixed, "static, " + share(result.static_mass)), chart}});
}

}  // namespace neurosplat
