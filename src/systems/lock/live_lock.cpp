#include "neurosplat/systems/lock/live_lock.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/lock/floaters.h"
#include "neurosplat/systems/lock/panels.h"
#include "systems/lock/lock_time.h"

namespace neurosplat {
namespace {

using Clock = std::chrono::steady_clock;

/// What a solver is given at least, where the rest of a frame eats the whole budget.
constexpr double kLeastBudget = 0.1;

enum Column : std::size_t { kPrior, kLocked };

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

LiveLock::LiveLock(const SplatVae& model, const LockSolverSettings& settings, double budget_ms)
    : size_(model.architecture().image_size), name_(settings.solver), budget_ms_(budget_ms) {
  if (!(budget_ms > 0.0)) {
    throw UsageError(text("budget: expected milliseconds above 0, got ", budget_ms));
  }
  solver_ = make_lock_solver(model, settings);
  // What is made at first use is made now, not while the first frames of a camera pass.
  solver_->follow(at::full({3, size_, size_}, 0.5F), kLeastBudget);
  solver_->reset();
}

SeenFrame LiveLock::see(const Frame& frame) {
  const at::NoGradGuard no_gradient;
  const auto start = Clock::now();
  const auto retina = centre_square(frame.picture, size_).to(at::kFloat) / 255.0;
  const auto asked = Clock::now();
  const auto view =
      solver_->follow(retina, std::max(budget_ms_ - besides_ms_ - reserve_ms_, kLeastBudget));
  const double solving = milliseconds_since(asked);
  SeenFrame seen{.panels = lock_panels(retina, view.prior, view.locked)};
  seen.latency_ms = milliseconds_since(start);
  besides_ms_ = seen.latency_ms - solving;
  reserve_ms_ = reserve_after(reserve_ms_, seen.latency_ms, budget_ms_);
  const auto drawn = at::stack({view.prior, view.locked});
  const auto psnr = psnr_db(drawn, retina.unsqueeze(0).expand_as(drawn));
  seen.numbers = {psnr[0].item<double>(), psnr[1].item<double>(),
                  static_cast<double>(floaters_of_activated(view.packets)),
                  static_cast<double>(view.steps)};
  seen.note =
      text(fixed(seen.numbers[kPrior], 1), " -> ", fixed(seen.numbers[kLocked], 1), " dB, ", name_);
  return seen;
}

std::vector<LiveColumn> lock_columns() {
  return {{"prior_psnr_db", 4}, {"locked_psnr_db", 4}, {"floaters", 0}, {"steps", 0}};
}

std::string lock_summary(const LiveReport& report) {
  if (report.rows == 0) return rate_summary(report);
  return text(rate_summary(report), ", PSNR prior ", fixed(report.mean(kPrior), 1),
              " dB -> locked ", fixed(report.mean(kLocked), 1), " dB");
}

}  // namespace neurosplat
