#include "neurosplat/systems/lock/fidelity_budget.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "systems/lock/geometry_descent.h"
#include "systems/lock/picture_descent.h"

namespace neurosplat {
namespace {

constexpr double kNoHurry = 1e9;  // milliseconds

auto found(auto& rows, const std::string& key) {
  return std::find_if(rows.begin(), rows.end(), [&](const BudgetRow& r) { return r.key == key; });
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Best coefficients for a geometry: corrections until they gain next to nothing.
class BestCoefficients {
 public:
  BestCoefficients(const SplatVae& model, Geometry geometry) {
    LockSolverSettings settings;
    settings.geometry = geometry;
    settings.adapt = false;
    settings.ridge = 1e-3;
    settings.narrowest = packet::kWidthMinimum;  // the decoder's own
    solver_ = make_lock_solver(model, settings);
  }

  LockView of(const at::Tensor& picture) {
    constexpr int kMostRounds = 40;
    constexpr double kLeastGain = 0.002;  // dB a round of three corrections
    solver_->reset();
    auto best = solver_->follow(picture, kNoHurry);
    for (int round = 1; round < kMostRounds; ++round) {
      auto next = solver_->follow(picture, kNoHurry);
      const double gain = next.psnr_db - best.psnr_db;
      if (gain > 0) best = std::move(next);
      if (gain < kLeastGain) break;
    }
    return best;
  }

 private:
  std::unique_ptr<LockSolver> solver_;
};

/// Geometry and coefficients moved together from where a lock left them; the best that was passed.
at::Tensor moved_packets(const at::Tensor& packets, const at::Tensor& picture, std::int64_t steps,
                         const std::function<void()>& after_step) {
  const at::NoGradGuard no_gradient;
  auto geometry = packets.slice(1, 0, packet::kCoefficients).contiguous();
  auto coefficients = packets.slice(1, packet::kCoefficients).contiguous();
  GeometryDescent descent(packets.size(0), {.narrowest = packet::kWidthMinimum});
  auto best = packets;
  double least = INFINITY;
  for (std::int64_t step = 0; step <= steps; ++step) {
    const auto here = at::cat({geometry, coefficients}, 1);
    const double error = descent.step(geometry, coefficients, picture);
    if (error < least) {
      least = error;
      best = here;
    }
    if (step < steps) after_step();
  }
  return best;
}

at::Tensor drawn_activated(const at::Tensor& packets, const at::Tensor& picture) {
  const at::NoGradGuard no_gradient;
  return render(packets.unsqueeze(0), picture.size(1), picture.size(2),
                {.form = PacketForm::activated})[0];
}

/// Components to project on: those asked for and the latent's number, ascending.
void settle_components(const std::optional<LinearFloor>& floor, std::vector<std::int64_t> asked,
                       FidelityBudget& budget) {
  if (!floor) return;
  asked.push_back(budget.latent);
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  for (const auto count : asked) {
    auto& list = count <= floor->components.size(0) ? budget.components : budget.left_out;
    list.push_back(count);
  }
}

/// Latents of all pictures at once, so that no batch size changes a sample.
struct Latents {
  at::Tensor mean, sample, refined;
};

class Measurement {
 public:
  Measurement(const SplatVae& model, const std::optional<LinearFloor>& floor,
              const FidelityBudgetSettings& settings, std::int64_t pictures)
      : model_(model),
        refining_(model.refining(settings.refine)),
        floor_(floor),
        settings_(settings),
        own_(refining_, Geometry::decoder),
        placed_(model, Geometry::picture),
        progress_("budget", "steps",
                  pictures * (settings.latent_steps + 2 * settings.packet_steps)) {
    const auto& sizes = model.architecture();
    budget_.latent = sizes.latent;
    settle_components(floor, settings.components, budget_);
    const auto shown = std::min(settings.examples, pictures);
    for (std::int64_t i = 0; i < shown; ++i) budget_.examples.push_back(i * pictures / shown);
    add_rows(sizes.latent, sizes.packets * packet::numbers(3));
  }

  FidelityBudget over(const at::Tensor& bytes) {
    const auto latents = latents_of(bytes);
    for (std::int64_t first = 0; first < bytes.size(0); first += settings_.batch) {
      const auto count = std::min(settings_.batch, bytes.size(0) - first);
      const auto pictures = to_unit_range(bytes.narrow(0, first, count), model_.device());
      for (const auto example : budget_.examples) {
        if (example < first || example >= first + count) continue;
        budget_.shown.push_back(pictures[example - first].cpu());
      }
      of_the_model(pictures, first, latents);
      of_packets(pictures.cpu(), first);
      of_the_floor(pictures.cpu(), first);
    }
    for (auto& row : budget_.rows) row.psnr_mean_db = mean_of(row.psnr_db);
    return std::move(budget_);
  }

 private:
  void add_rows(std::int64_t latent, std::int64_t packet_numbers) {
    const auto add = [&](std::string key, std::string name, std::int64_t numbers) {
      budget_.rows.push_back({.key = std::move(key), .name = std::move(name), .numbers = numbers});
    };
    add("sample", "posterior sample", latent);
    add("mean", "posterior mean", latent);
    add("refined", text("refined, ", settings_.refine, " steps"), latent);
    add("best_latent", "best latent", latent);
    add("best_packets", "best packets", packet_numbers);
    add("own_geometry", "closed form, decoder's geometry", packet_numbers);
    add("placed", "closed form, placed geometry", packet_numbers);
    add("moved", "placed, then moved", packet_numbers);
    if (!floor_) return;
    add("mean_image", "mean image", 0);
    for (const auto count : budget_.components)
      add(text("pca_", count), text("PCA ", count), count);
  }

  /// `drawn` and `pictures` [B, 3, S, S]; the first of them is picture `first`.
  void score(const std::string& key, const at::Tensor& drawn, const at::Tensor& pictures,
             std::int64_t first) {
    auto& scored = *found(budget_.rows, key);
    const auto values = psnr_db(drawn, pictures).cpu();
    for (std::int64_t k = 0; k < values.size(0); ++k) {
      scored.psnr_db.push_back(values[k].item<double>());
      if (std::count(budget_.examples.begin(), budget_.examples.end(), first + k) > 0) {
        scored.shown.push_back(drawn[k].cpu());
      }
    }
  }

  Latents latents_of(const at::Tensor& bytes) {
    const at::NoGradGuard no_gradient;
    std::vector<at::Tensor> means, log_variances, refined;
    for (std::int64_t first = 0; first < bytes.size(0); first += settings_.batch) {
      const auto count = std::min(settings_.batch, bytes.size(0) - first);
      const auto pictures = to_unit_range(bytes.narrow(0, first, count), model_.device());
      const auto posterior = model_.encode(pictures);
      means.push_back(posterior.mean);
      log_variances.push_back(posterior.log_variance);
      refined.push_back(settings_.refine > 0 ? refining_.latents_of(pictures) : posterior.mean);
      for (std::int64_t k = 0; k < count; ++k) {
        const Posterior one{posterior.mean.narrow(0, k, 1), posterior.log_variance.narrow(0, k, 1)};
        budget_.kl_nats.push_back(kl_divergence(one).item<double>());
      }
    }
    const auto generator = at::detail::createCPUGenerator(settings_.seed);
    const Posterior all{at::cat(means), at::cat(log_variances)};
    return {all.mean, sample(all, generator), at::cat(refined)};
  }

  at::Tensor drawn(const at::Tensor& latents) const {
    const at::NoGradGuard no_gradient;
    return model_.draw(model_.decode(latents));
  }

  PictureDescent descent_of(std::int64_t steps, double rate, std::int64_t pictures) {
    return {.steps = steps, .rate = rate, .after_step = [this, pictures] { advance(pictures); }};
  }

  void advance(std::int64_t pictures) {
    done_ += pictures;
    progress_.update(done_);
  }

  void of_the_model(const at::Tensor& pictures, std::int64_t first, const Latents& latents) {
    const auto count = pictures.size(0);
    score("sample", drawn(latents.sample.narrow(0, first, count)), pictures, first);
    score("mean", drawn(latents.mean.narrow(0, first, count)), pictures, first);
    const auto refined = latents.refined.narrow(0, first, count);
    score("refined", drawn(refined), pictures, first);
    const auto best = descend(
        refined, pictures,
        [this](const at::Tensor& rows) { return model_.draw(model_.decode(rows)); },
        descent_of(settings_.latent_steps, settings_.latent_rate, count));
    score("best_latent", drawn(best), pictures, first);
    const at::NoGradGuard no_gradient;
    const auto packets = descend(
        model_.decode(best), pictures, [this](const at::Tensor& rows) { return model_.draw(rows); },
        descent_of(settings_.packet_steps, settings_.packet_rate, count));
    score("best_packets", model_.draw(packets), pictures, first);
  }

  void of_packets(const at::Tensor& pictures, std::int64_t first) {
    for (std::int64_t k = 0; k < pictures.size(0); ++k) {
      const auto picture = pictures[k];
      const auto alone = picture.unsqueeze(0);
      score("own_geometry", own_.of(picture).locked.unsqueeze(0), alone, first + k);
      const auto placed = placed_.of(picture);
      score("placed", placed.locked.unsqueeze(0), alone, first + k);
      const auto moved =
          moved_packets(placed.packets, picture, settings_.packet_steps, [this] { advance(1); });
      score("moved", drawn_activated(moved, picture).unsqueeze(0), alone, first + k);
    }
  }

  void of_the_floor(const at::Tensor& pictures, std::int64_t first) {
    if (!floor_) return;
    const auto with = [&](std::int64_t components) {
      return project({floor_->mean, floor_->components.narrow(0, 0, components),
                      floor_->variances.narrow(0, 0, components)},
                     pictures);
    };
    score("mean_image", with(0), pictures, first);
    for (const auto count : budget_.components) {
      score(text("pca_", count), with(count), pictures, first);
    }
  }

  SplatVae model_, refining_;
  const std::optional<LinearFloor>& floor_;
  const FidelityBudgetSettings& settings_;
  BestCoefficients own_, placed_;
  ProgressLine progress_;
  std::int64_t done_ = 0;
  FidelityBudget budget_;
};

}  // namespace

void check(const FidelityBudgetSettings& settings) {
  const auto expect_at_least = [](const char* name, std::int64_t least, std::int64_t value) {
    if (value < least) throw UsageError(text(name, ": expected at least ", least, ", got ", value));
  };
  expect_at_least("refine", 0, settings.refine);
  expect_at_least("latent-steps", 0, settings.latent_steps);
  expect_at_least("packet-steps", 0, settings.packet_steps);
  expect_at_least("batch", 1, settings.batch);
  expect_at_least("examples", 1, settings.examples);
  for (const auto count : settings.components) expect_at_least("components", 1, count);
  for (const auto& [name, rate] : {std::pair{"latent-rate", settings.latent_rate},
                                   std::pair{"packet-rate", settings.packet_rate}}) {
    if (!(rate > 0 && rate <= 10)) {
      throw UsageError(text(name, ": expected a number in (0, 10], got ", rate));
    }
  }
}

const BudgetRow& FidelityBudget::row(const std::string& key) const {
  const auto at = found(rows, key);
  if (at == rows.end()) throw Error(text("budget: expected a row '", key, "', found none"));
  return *at;
}

FidelityBudget measure_fidelity_budget(const SplatVae& model, const at::Tensor& pictures,
                                       const std::optional<LinearFloor>& floor,
                                       const FidelityBudgetSettings& settings) {
  check(settings);
  const auto size = model.architecture().image_size;
  if (pictures.dim() != 4 || pictures.scalar_type() != at::kByte || pictures.size(0) < 1 ||
      pictures.size(1) != 3 || pictures.size(2) != size || pictures.size(3) != size) {
    throw UsageError(text("pictures: expected uint8 [K >= 1, 3, ", size, ", ", size, "], got ",
                          pictures.scalar_type(), " ", pictures.sizes()));
  }
  model.train(false);
  return Measurement(model, floor, settings, pictures.size(0)).over(pictures);
}

}  // namespace neurosplat
