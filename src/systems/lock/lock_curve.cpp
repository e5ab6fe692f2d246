#include "neurosplat/systems/lock/lock_curve.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include "neurosplat/core/csv.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/progress.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/live/live_loop.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/lock/drop_late.h"
#include "neurosplat/systems/lock/floaters.h"

namespace neurosplat {
namespace {

/// Steps that no budget here reaches.
constexpr std::int64_t kUntilTheBudgetEnds = 1'000'000;

/// Thrown within a row that is then left out.
struct Interrupted {};

template <class Number>
bool parse(std::string_view words, Number& number) {
  const auto [end, failed] = std::from_chars(words.data(), words.data() + words.size(), number);
  return failed == std::errc() && end == words.data() + words.size();
}

void check_budgets(const char* name, const std::vector<double>& budgets) {
  for (const double budget : budgets) {
    if (std::isfinite(budget) && budget > 0) continue;
    throw UsageError(text(name, ": expected milliseconds above 0, got ", budget));
  }
}

at::Tensor frame_of(const LockSet& set, std::int64_t index) {
  return to_unit_range(set.pictures.select(0, index), at::Device(at::kCPU));
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

template <class Field>
double mean_of(const std::vector<LockedOne>& each, Field field) {
  double sum = 0;
  for (const auto& one : each) sum += static_cast<double>(one.*field);
  return sum / static_cast<double>(each.size());
}

/// One solver on one set within one budget.
class Measurement {
 public:
  Measurement(LockSolver& solver, const LockSet& set, double budget_ms,
              std::function<void(std::int64_t)> called)
      : solver_(solver), set_(set), budget_ms_(budget_ms), called_(std::move(called)) {}

  /// Each picture after a reset, `calls` times.
  void see_pictures(std::int64_t calls) {
    for (std::int64_t k = 0; k < set_.pictures.size(0); ++k) {
      const auto frame = frame_of(set_, k);
      solver_.reset();
      std::vector<double> latencies;
      LockView view;
      for (std::int64_t call = 0; call < calls; ++call) {
        view = follow(k, frame);
        latencies.push_back(latencies_ms_.back());
      }
      keep(k, frame, view, mean_of(latencies));
    }
  }

  void see_video() {
    solver_.reset();
    const auto work = [&](std::int64_t k) {
      const auto frame = frame_of(set_, k);
      const auto view = follow(k, frame);
      keep(k, frame, view, latencies_ms_.back());
      return latencies_ms_.back();
    };
    dropped_ = drop_late(set_.pictures.size(0), set_.frames_per_second, work).dropped;
  }

  LockRow row(LockMode mode, const std::string& solver) {
    return {.set = set_.name,
            .mode = mode,
            .solver = solver,
            .budget_ms = budget_ms_,
            .psnr_mean_db = mean_of(each_, &LockedOne::psnr_db),
            .prior_db = mean_of(each_, &LockedOne::prior_db),
            .latency_p50_ms = percentile(latencies_ms_, 50),
            .latency_p99_ms = percentile(latencies_ms_, 99),
            .floaters_per_image = mean_of(each_, &LockedOne::floaters),
            .spurious_per_image = mean_of(each_, &LockedOne::spurious),
            .pictures = static_cast<std::int64_t>(each_.size()),
            .dropped_frames = dropped_,
            .each = std::move(each_)};
  }

 private:
  LockView follow(std::int64_t k, const at::Tensor& frame) {
    const auto start = std::chrono::steady_clock::now();
    try {
      auto view = solver_.follow(frame, budget_ms_);
      const auto taken = std::chrono::steady_clock::now() - start;
      latencies_ms_.push_back(std::chrono::duration<double, std::milli>(taken).count());
      called_(static_cast<std::int64_t>(latencies_ms_.size()));
      return view;
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      throw Error(
          text(set_.name, ", ", set_.names.at(static_cast<std::size_t>(k)), ": ", error.what()));
    }
  }

  void keep(std::int64_t k, const at::Tensor& frame, const LockView& view, double latency_ms) {
    each_.push_back({set_.names.at(static_cast<std::size_t>(k)), map_psnr_db(view.locked, frame),
                     map_psnr_db(view.prior, frame), latency_ms,
                     floaters_of_activated(view.packets), spurious_packets(view.packets, frame),
                     view.steps});
  }

  LockSolver& solver_;
  const LockSet& set_;
  double budget_ms_;
  std::function<void(std::int64_t)> called_;  // with the calls so far
  std::vector<double> latencies_ms_;
  std::vector<LockedOne> each_;
  std::optional<std::int64_t> dropped_;
};

/// What is to be done with one set, for each solver.
struct Job {
  LockMode mode;
  double budget_ms;
  std::int64_t calls;  ///< a picture

  double milliseconds(const LockSet& set) const {
    return budget_ms * static_cast<double>(calls * set.pictures.size(0));
  }
};

std::vector<Job> jobs_for(const LockSet& set, const LockCurveRequest& request) {
  std::vector<Job> jobs;
  if (set.frames_per_second > 0) {
    for (const double budget : request.video_budgets_ms) {
      jobs.push_back({LockMode::video, budget, 1});
    }
    return jobs;
  }
  for (const double budget : request.budgets_ms) jobs.push_back({LockMode::cold, budget, 1});
  for (const double budget : request.still_budgets_ms) {
    jobs.push_back({LockMode::still, budget, request.still_frames});
  }
  return jobs;
}

LockRow run_job(LockSolver& solver, const std::string& name, const LockSet& set, const Job& job,
                std::function<void(std::int64_t)> called) {
  Measurement measurement(solver, set, job.budget_ms, std::move(called));
  if (job.mode == LockMode::video) {
    measurement.see_video();
  } else {
    measurement.see_pictures(job.calls);
  }
  return measurement.row(job.mode, name);
}

/// The first call of a process pays for memory and threads, the second one for a warm start's.
void warm_up(LockSolver& solver, const LockSet& set, const std::vector<Job>& jobs) {
  double most_ms = 0;
  for (const auto& job : jobs) most_ms = std::max(most_ms, job.budget_ms);
  const auto frame = frame_of(set, 0);
  solver.follow(frame, most_ms);
  solver.follow(frame, most_ms);
  solver.reset();
}

}  // namespace

NamedLockSolver lock_solver_from_name(const std::string& name) {
  static constexpr std::string_view kAdam = "adam-", kClosedForm = "closed-form-",
                                    kIterative = "iterative-";
  NamedLockSolver solver{name, {}};
  const auto& names = lock_solver_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    solver.settings.solver = name;
    if (name == "latent") solver.settings.steps = kUntilTheBudgetEnds;
    return solver;
  }
  if (name.starts_with(kClosedForm) &&
      parse(std::string_view(name).substr(kClosedForm.size()), solver.settings.narrowest)) {
    check(solver.settings);
    return solver;
  }
  if (name.starts_with(kIterative) &&
      parse(std::string_view(name).substr(kIterative.size()), solver.settings.inner_steps)) {
    solver.settings.solver = "iterative";
    check(solver.settings);
    return solver;
  }
  const auto times = name.rfind('x');
  if (name.starts_with(kAdam) && times != std::string::npos && times > kAdam.size()) {
    const std::string_view words = name;
    solver.settings.solver = "adam";
    if (parse(words.substr(kAdam.size(), times - kAdam.size()), solver.settings.learning_rate) &&
        parse(words.substr(times + 1), solver.settings.steps)) {
      check(solver.settings);
      return solver;
    }
  }
  throw UsageError(
      text("solvers: expected closed-form, closed-form-NARROWEST (closed-form-0.01), latent, ",
           "iterative, iterative-STEPS (iterative-5), adam or adam-RATExSTEPS (adam-0.2x5), got '",
           name, "'"));
}

std::string name_of(LockMode mode) {
  switch (mode) {
    case LockMode::cold:
      return "cold";
    case LockMode::still:
      return "still";
    case LockMode::video:
      break;
  }
  return "video";
}

void check(const LockCurveRequest& request) {
  if (request.solvers.empty()) throw UsageError("solvers: expected at least one, got none");
  for (const auto& solver : request.solvers) check(solver.settings);
  if (request.budgets_ms.empty()) throw UsageError("budgets: expected at least one, got none");
  check_budgets("budgets", request.budgets_ms);
  check_budgets("still-budgets", request.still_budgets_ms);
  if (request.video_budgets_ms.empty()) {
    throw UsageError("video-budgets: expected at least one, got none");
  }
  check_budgets("video-budgets", request.video_budgets_ms);
  if (request.still_frames < 1) {
    throw UsageError(text("still-frames: expected at least 1, got ", request.still_frames));
  }
}

std::vector<LockRow> measure_lock(const SplatVae& model, const std::vector<LockSet>& sets,
                                  const LockCurveRequest& request,
                                  const std::function<void(const LockRow&)>& finished) {
  check(request);
  const at::NoGradGuard no_gradient;
  double planned_ms = 0, done_ms = 0;
  for (const auto& set : sets) {
    for (const auto& job : jobs_for(set, request)) {
      planned_ms += job.milliseconds(set) * static_cast<double>(request.solvers.size());
    }
  }
  // Counted in budgets rather than calls, which differ: the time left is then about right.
  ProgressLine progress("lock", "ms of budgets", static_cast<std::int64_t>(planned_ms));
  std::vector<LockRow> rows;
  const auto measure = [&](LockSolver& solver, const std::string& name, const LockSet& set,
                           const Job& job) {
    const auto note = text(set.name, ", ", name_of(job.mode), ", ", name);
    rows.push_back(run_job(solver, name, set, job, [&](std::int64_t calls) {
      if (InterruptGuard::raised()) throw Interrupted();
      const double now_ms = done_ms + job.budget_ms * static_cast<double>(calls);
      progress.update(static_cast<std::int64_t>(now_ms), note);
    }));
    done_ms += job.milliseconds(set);
    progress.clear();
    if (finished) finished(rows.back());
  };
  try {
    for (const auto& set : sets) {
      const auto jobs = jobs_for(set, request);
      for (const auto& [name, settings] : request.solvers) {
        const auto solver = make_lock_solver(model, settings);
        warm_up(*solver, set, jobs);
        for (const auto& job : jobs) measure(*solver, name, set, job);
      }
    }
  } catch (const Interrupted&) {
    progress.clear();
  }
  return rows;
}

void write_per_picture_csv(const std::filesystem::path& path, const std::vector<LockRow>& rows) {
  std::string table =
      "set,mode,solver,budget_ms,picture,psnr_db,prior_db,latency_ms,floaters,spurious,steps\n";
  for (const auto& row : rows) {
    const auto head =
        text(csv_field(row.set), ',', name_of(row.mode), ',', row.solver, ',', row.budget_ms, ',');
    for (const auto& one : row.each) {
      table += text(head, csv_field(one.name), ',', fixed(one.psnr_db, 4), ',',
                    fixed(one.prior_db, 4), ',', fixed(one.latency_ms, 3), ',', one.floaters, ',',
                    one.spurious, ',', one.steps, '\n');
    }
  }
  write_file_atomically(path, table);
}

}  // namespace neurosplat
