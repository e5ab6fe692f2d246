#include "systems/iterative_vae/loop/chunk.h"

#include <algorithm>
#include <limits>

namespace neurosplat::ivae {
namespace {

using simd::Product;

/// Samples whose adjoints go into the dictionary's together: as much as the second cache holds.
constexpr std::int64_t kTogether = 4;

}  // namespace

Ceilings ceilings(bool poisson, double openness) {
  const auto between = [&](double tight, double loose) {
    return tight + openness * (loose - tight);
  };
  if (poisson) return {{between(2, 10), 0}, {between(2, 10), 0}};
  return {{between(1, 7), between(1, 2)}, {between(1, 7), between(1, 3)}};
}

ChunkSums::ChunkSums(const LoopProblem& problem) {
  const auto frames = static_cast<std::size_t>(problem.settings->frames);
  nll.assign(frames, 0.0);
  kl.assign(frames, 0.0);
  largest.assign(static_cast<std::size_t>(problem.settings->samples()),
                 -std::numeric_limits<float>::infinity());
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  dictionary.assign(size(problem.pixels * problem.latent_row()), 0.0f);
  precision.assign(size(problem.pixels), 0.0f);
  bias.assign(size(problem.latents), 0.0f);
  log_gain.assign(size(problem.latents), 0.0f);
}

Chunk::Chunk(const LoopProblem& problem)
    : problem_(problem),
      settings_(*problem.settings),
      kernels_(*problem.kernels),
      ceilings_(ceilings(problem.poisson, settings_.openness)),
      weight_(static_cast<float>(1.0 / static_cast<double>(settings_.frames * problem.pictures))) {}

void Chunk::run(std::int64_t first, std::int64_t count, ChunkSums& sums, float* const* end,
                float* const* begin_adjoint) {
  first_ = first;
  count_ = count;
  const auto row = problem_.latent_row();
  const auto latent_floats = static_cast<std::size_t>(settings_.samples() * count * row);
  const auto pixel_floats =
      static_cast<std::size_t>(settings_.samples() * count * problem_.pixel_row());
  for (int sheet = 0; sheet < kLatentSheets; ++sheet) {
    const bool gaussian = sheet == kSecondState || sheet == kSecondChange ||
                          sheet == kSecondThrough || sheet == kSecondKept || sheet == kDrive;
    if (problem_.poisson && gaussian) continue;
    simd::take(latents_[static_cast<std::size_t>(sheet)], latent_floats);
  }
  simd::take(errors_, pixel_floats);
  simd::take(expected_adjoints_, pixel_floats);
  simd::take(sample_adjoint_, static_cast<std::size_t>(count * row));
  simd::take(error_adjoint_, static_cast<std::size_t>(count * problem_.pixel_row()));

  const auto k = problem_.latents;
  for (int i = 0; i < problem_.states(); ++i) {
    for (std::int64_t r = 0; r < count; ++r) {
      const float* from = problem_.begin[i] + (first + r) * k;
      std::copy(from, from + k, latent(kState + i, 0, r));
    }
  }
  forward(sums);
  for (int i = 0; i < problem_.states(); ++i) {
    for (std::int64_t r = 0; r < count; ++r) {
      const float* from = latent(kState + i, settings_.iterations(), r);
      std::copy(from, from + k, end[i] + (first + r) * k);
    }
  }
  backward(sums);
  for (int i = 0; i < problem_.states(); ++i) {
    for (std::int64_t r = 0; r < count; ++r) {
      const float* from = adjoint_[i].data() + r * row;
      std::copy(from, from + k, begin_adjoint[i] + (first + r) * k);
    }
  }
}

void Chunk::forward(ChunkSums& sums) {
  for (std::int64_t sample = 0; sample <= settings_.iterations(); ++sample) {
    draw_sample(sample, sums);
    score(sample, sums);
    if (sample < settings_.iterations()) iterate(sample);
  }
}

void Chunk::draw_sample(std::int64_t sample, ChunkSums& sums) {
  const auto k = problem_.latents;
  auto& largest = sums.largest[static_cast<std::size_t>(sample)];
  for (std::int64_t r = 0; r < count_; ++r) {
    const auto key = settings_.key(first_ + r, sample);
    const float* state = latent(kState, sample, r);
    if (!problem_.poisson) {
      kernels_.gaussian_sample({k, state, latent(kSecondState, sample, r), key, problem_.gain,
                                latent(kActivity, sample, r), latent(kNoise, sample, r)});
      continue;
    }
    largest = std::max(largest, *std::max_element(state, state + k));
    const auto most = settings_.most.empty() ? std::numeric_limits<std::int32_t>::max()
                                             : settings_.most[static_cast<std::size_t>(sample)];
    kernels_.poisson_sample({k, state, key, settings_.counting,
                             static_cast<float>(settings_.temperature), most,
                             latent(kActivity, sample, r), latent(kSlope, sample, r)});
  }
}

void Chunk::score(std::int64_t sample, ChunkSums& sums) {
  const auto k = problem_.latents, m = problem_.pixels;
  kernels_.product({count_, m, k, latent(kActivity, sample, 0), problem_.latent_row(), 1,
                    problem_.transposed, problem_.pixel_row(), error(sample, 0),
                    problem_.pixel_row(), false});
  double nll = 0, kl = 0;
  const bool scored = is_scored(sample);
  const auto prior = scored ? sample - settings_.inner : 0;
  for (std::int64_t r = 0; r < count_; ++r) {
    nll +=
        static_cast<double>(kernels_.residual({m, problem_.x + (first_ + r) * m, error(sample, r),
                                               problem_.precision, error(sample, r)}));
    if (!scored) continue;
    kl += static_cast<double>(
        problem_.poisson
            ? kernels_.poisson_kl(k, latent(kState, sample, r), latent(kState, prior, r),
                                  settings_.exact_kl)
            : kernels_.gaussian_kl(k, latent(kState, sample, r), latent(kSecondState, sample, r),
                                   latent(kState, prior, r), latent(kSecondState, prior, r)));
  }
  if (!scored) return;
  const auto frame = static_cast<std::size_t>(sample / settings_.inner - 1);
  sums.nll[frame] += nll;
  sums.kl[frame] += kl;
}

GaussianStep Chunk::gaussian_step(std::int64_t sample, std::int64_t row) {
  const auto prior = prior_of(sample);
  const auto at = [&](int sheet) { return latent(sheet, sample, row); };
  GaussianStep step{};
  step.count = problem_.latents;
  step.drive = at(kDrive);
  step.activity = at(kActivity);
  step.noise = at(kNoise);
  step.gain = problem_.gain;
  step.bias = problem_.bias;
  step.mean = at(kState);
  step.log_sigma = at(kSecondState);
  step.prior_mean = latent(kState, prior, row);
  step.prior_log_sigma = latent(kSecondState, prior, row);
  step.rate_mean = problem_.rates[0];
  step.rate_log_sigma = problem_.rates[1];
  step.leak = static_cast<float>(settings_.beta_inner);
  step.ceiling_mean = static_cast<float>(ceilings_.state[0]);
  step.ceiling_log_sigma = static_cast<float>(ceilings_.state[1]);
  step.ceiling_mean_change = static_cast<float>(ceilings_.change[0]);
  step.ceiling_log_sigma_change = static_cast<float>(ceilings_.change[1]);
  step.next_mean = latent(kState, sample + 1, row);
  step.next_log_sigma = latent(kSecondState, sample + 1, row);
  step.change_mean = at(kChange);
  step.change_log_sigma = at(kSecondChange);
  step.through_mean = at(kThrough);
  step.through_log_sigma = at(kSecondThrough);
  step.kept_mean = at(kKept);
  step.kept_log_sigma = at(kSecondKept);
  return step;
}

void Chunk::iterate(std::int64_t sample) {
  const auto k = problem_.latents;
  // A Poisson latent's drive is not needed again: the change takes its place.
  const auto drive = problem_.poisson ? kChange : kDrive;
  kernels_.product({count_, k, problem_.pixels, error(sample, 0), problem_.pixel_row(), 1,
                    problem_.dictionary, problem_.latent_row(), latent(drive, sample, 0),
                    problem_.latent_row(), false});
  const auto prior = prior_of(sample);
  for (std::int64_t r = 0; r < count_; ++r) {
    if (!problem_.poisson) {
      kernels_.gaussian_step(gaussian_step(sample, r));
      continue;
    }
    kernels_.poisson_step(
        {k, latent(drive, sample, r), latent(kState, sample, r), latent(kState, prior, r),
         problem_.bias, problem_.rates[0], static_cast<float>(settings_.beta_inner),
         static_cast<float>(ceilings_.state[0]), static_cast<float>(ceilings_.change[0]),
         latent(kState, sample + 1, r), latent(kChange, sample, r), latent(kThrough, sample, r),
         latent(kKept, sample, r)});
  }
}

void Chunk::backward(ChunkSums& sums) {
  const auto row = problem_.latent_row();
  for (int i = 0; i < problem_.states(); ++i) {
    adjoint_[i].assign(static_cast<std::size_t>(count_ * row), 0.0f);
    prior_adjoint_[i].assign(static_cast<std::size_t>(count_ * row), 0.0f);
  }
  const auto last = settings_.iterations();
  for (std::int64_t sample = last; sample >= 0; --sample) {
    for (std::int64_t r = 0; r < count_; ++r) {
      kernels_.residual_back(
          {problem_.pixels, error(sample, r), problem_.precision,
           sample == last ? nullptr : error_adjoint_.data() + r * problem_.pixel_row(),
           is_scored(sample) ? weight_ : 0.0f, expected_adjoint(sample, r), sums.precision.data()});
    }
    kernels_.product({count_, problem_.latents, problem_.pixels, expected_adjoint(sample, 0),
                      problem_.pixel_row(), 1, problem_.dictionary, row, sample_adjoint_.data(),
                      row, false});
    step_back(sample, sums);
    if (sample == 0) break;
    kernels_.product({count_, problem_.pixels, problem_.latents, latent(kChange, sample - 1, 0),
                      row, 1, problem_.transposed, problem_.pixel_row(), error_adjoint_.data(),
                      problem_.pixel_row(), false});
  }
  add_to_dictionary(sums);
}

GaussianBack Chunk::gaussian_back(std::int64_t sample, std::int64_t row, ChunkSums& sums) {
  const auto offset = row * problem_.latent_row();
  const bool online = settings_.inner == 1;  // the prior is the state itself
  GaussianBack back{};
  if (sample > 0) back.step = gaussian_step(sample - 1, row);
  back.step.count = problem_.latents;
  back.step.gain = problem_.gain;
  back.step.next_mean = latent(kState, sample, row);
  back.step.next_log_sigma = latent(kSecondState, sample, row);
  back.next_activity = latent(kActivity, sample, row);
  back.next_noise = latent(kNoise, sample, row);
  back.activity_adjoint = sample_adjoint_.data() + offset;
  back.kl_weight = is_scored(sample) ? weight_ * static_cast<float>(settings_.beta) : 0.0f;
  back.adjoint_mean = adjoint_[0].data() + offset;
  back.adjoint_log_sigma = adjoint_[1].data() + offset;
  back.prior_adjoint_mean = (online ? adjoint_[0] : prior_adjoint_[0]).data() + offset;
  back.prior_adjoint_log_sigma = (online ? adjoint_[1] : prior_adjoint_[1]).data() + offset;
  back.drive_adjoint = back.step.change_mean;
  back.bias_adjoint = sums.bias.data();
  back.log_gain_adjoint = sums.log_gain.data();
  return back;
}

/// From the adjoint of the state that `sample` was drawn from to that of the state before it.
void Chunk::step_back(std::int64_t sample, ChunkSums& sums) {
  const auto k = problem_.latents, row = problem_.latent_row();
  for (std::int64_t r = 0; r < count_; ++r) {
    float* adjoint = adjoint_[0].data() + r * row;
    const float* sample_adjoint = sample_adjoint_.data() + r * row;
    if (sample == 0) {
      problem_.poisson
          ? kernels_.poisson_first_back(k, sample_adjoint, latent(kSlope, 0, r), adjoint)
          : kernels_.gaussian_first_back(gaussian_back(0, r, sums));
      continue;
    }
    const auto before = sample - 1;
    const auto adjoints =
        problem_.poisson
            ? kernels_.poisson_back(
                  {k, latent(kState, sample, r), latent(kState, prior_of(before), r),
                   sample_adjoint, latent(kSlope, sample, r), latent(kChange, before, r),
                   latent(kThrough, before, r), latent(kKept, before, r), problem_.rates[0],
                   static_cast<float>(settings_.beta_inner),
                   is_scored(sample) ? weight_ * static_cast<float>(settings_.beta) : 0.0f,
                   settings_.exact_kl, adjoint,
                   settings_.inner == 1 ? adjoint : prior_adjoint_[0].data() + r * row,
                   latent(kChange, before, r), sums.bias.data()})
            : kernels_.gaussian_back(gaussian_back(sample, r, sums));
    sums.log_rates[0] += static_cast<double>(adjoints.log_rate);
    sums.log_rates[1] += static_cast<double>(adjoints.second_log_rate);
  }
  if (settings_.inner == 1 || sample == 0 || (sample - 1) % settings_.inner != 0) return;
  // The state before was the prior of the iterations since.
  for (int i = 0; i < problem_.states(); ++i) {
    for (std::size_t n = 0; n < static_cast<std::size_t>(count_ * row); ++n) {
      adjoint_[i][n] += prior_adjoint_[i][n];
      prior_adjoint_[i][n] = 0.0f;
    }
  }
}

void Chunk::add_to_dictionary(ChunkSums& sums) {
  const auto add = [&](const float* pixels, const float* latents, std::int64_t samples) {
    kernels_.product({problem_.pixels, problem_.latents, samples * count_, pixels, 1,
                      problem_.pixel_row(), latents, problem_.latent_row(), sums.dictionary.data(),
                      problem_.latent_row(), true});
  };
  for (std::int64_t first = 0; first < settings_.samples(); first += kTogether) {
    const auto samples = std::min(kTogether, settings_.samples() - first);
    add(expected_adjoint(first, 0), latent(kActivity, first, 0), samples);
    // The drive's adjoint lies where the change was; the last sample drives nothing.
    const auto driving = std::min(kTogether, settings_.iterations() - first);
    if (driving > 0) add(error(first, 0), latent(kChange, first, 0), driving);
  }
}

}  // namespace neurosplat::ivae
