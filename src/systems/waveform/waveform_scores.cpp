#include "systems/waveform/waveform_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include "neurosplat/metrics/picture_quality.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kBatch = 64;

at::Tensor cosines(const at::Tensor& one, const at::Tensor& other) {
  const auto unit = [](const at::Tensor& rows) {
    return rows / rows.norm(2, 1, true).clamp_min(1e-12);
  };
  return at::mm(unit(one), unit(other).t());
}

/// One row of each number, and for every row the place of its number among them.
struct Pictures {
  at::Tensor first, place;
};
Pictures distinct(const at::Tensor& number) {
  const auto [values, place] = at::_unique(number, /*sorted=*/true, /*return_inverse=*/true);
  auto first = at::empty({values.size(0)}, at::kLong);
  // Backwards, so that the first row of each stays.
  const auto rows = at::arange(number.size(0) - 1, -1, -1, at::kLong);
  first.index_put_({place.flip(0)}, rows);
  return {first, place};
}

}  // namespace

WaveformDrawings draw_responses(const WaveformAutoencoder& model, const at::Tensor& pictures,
                                const at::Tensor& recorded, double noise, std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  const auto generator = at::detail::createCPUGenerator(seed);
  const auto device = model.device();
  std::vector<at::Tensor> latent, from_synthetic, from_real, direct, synthetic, real;
  for (std::int64_t first = 0; first < pictures.size(0); first += kBatch) {
    const auto count = std::min(kBatch, pictures.size(0) - first);
    const auto code = model.encode(pictures.narrow(0, first, count).to(device));
    auto made = model.waveforms(code.latent);
    if (noise > 0) made = made + noise * at::randn(made.sizes(), generator, at::kFloat).to(device);
    latent.push_back(code.latent.cpu());
    const auto of_made = model.encode_waveforms(made);
    const auto of_recorded =
        model.encode_waveforms(model.standardised(recorded.narrow(0, first, count).to(device)));
    from_synthetic.push_back(of_made.cpu());
    from_real.push_back(of_recorded.cpu());
    direct.push_back(model.decode(code.latent, code.skips).cpu());
    synthetic.push_back(model.decode(of_made, code.skips).cpu());
    real.push_back(model.decode(of_recorded, code.skips).cpu());
  }
  return {at::cat(latent), at::cat(from_synthetic), at::cat(from_real),
          at::cat(direct), at::cat(synthetic),      at::cat(real)};
}

PictureScores score_pictures(const at::Tensor& drawn, const at::Tensor& pictures) {
  return {psnr_db(drawn, pictures).mean().item<double>(),
          ssim(drawn, pictures).mean().item<double>(),
          (drawn - pictures).square().mean(at::kDouble).item<double>()};
}

at::Tensor other_pictures_rows(const at::Tensor& rows, const at::Tensor& number,
                               std::uint64_t seed) {
  const auto [first, place] = distinct(number);
  const auto count = first.size(0);
  const auto order = at::randperm(count, at::detail::createCPUGenerator(seed), at::kLong);
  // Each picture takes the next one's of a random round.
  auto next = at::empty_like(order);
  next.index_put_({order}, order.roll(-1));
  return rows.index_select(0, first.index_select(0, next.index_select(0, place)));
}

double retrieval_top1(const at::Tensor& latents, const at::Tensor& of_pictures,
                      const at::Tensor& number) {
  const auto [first, place] = distinct(number);
  const auto best = cosines(latents, of_pictures.index_select(0, first)).argmax(1);
  return best.eq(place).to(at::kDouble).mean().item<double>();
}

double two_way(const at::Tensor& latents, const at::Tensor& of_pictures, const at::Tensor& number) {
  const auto [first, place] = distinct(number);
  const auto alike = cosines(latents, of_pictures.index_select(0, first));
  const auto own = alike.gather(1, place.unsqueeze(1));
  const auto others = static_cast<double>(alike.size(0) * (alike.size(1) - 1));
  if (others == 0) return 1;
  // Ties count half, the own picture, which ties with itself, not at all.
  const auto won = alike.lt(own).sum().item<double>();
  const auto tied = alike.eq(own).sum().item<double>() - static_cast<double>(alike.size(0));
  return (won + tied / 2) / others;
}

double permutation_p(const at::Tensor& drawn, const at::Tensor& pictures, const at::Tensor& number,
                     std::int64_t shuffles, std::uint64_t seed) {
  const auto [first, place] = distinct(number);
  const auto of_pictures = pictures.index_select(0, first).flatten(1);
  const auto flat = drawn.flatten(1);
  // |d - p|^2 less |d|^2, which no shuffle changes.
  const auto cost = of_pictures.square().sum(1).unsqueeze(0) - 2 * at::mm(flat, of_pictures.t());
  const auto error_of = [&](const at::Tensor& order) {
    return cost.gather(1, order.index_select(0, place).unsqueeze(1))
        .sum(at::kDouble)
        .item<double>();
  };
  const auto generator = at::detail::createCPUGenerator(seed);
  const auto count = first.size(0);
  const double found = error_of(at::arange(count, at::kLong));
  std::int64_t as_low = 0;
  for (std::int64_t i = 0; i < shuffles; ++i) {
    if (error_of(at::randperm(count, generator, at::kLong)) <= found) ++as_low;
  }
  return static_cast<double>(1 + as_low) / static_cast<double>(1 + shuffles);
}

}  // namespace neurosplat
