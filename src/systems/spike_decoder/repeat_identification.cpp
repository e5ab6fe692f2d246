#include "systems/spike_decoder/repeat_identification.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/identification.h"

namespace neurosplat {
namespace {

/// Spikes of each picture and unit, and over how many repeats, float64 [P, U].
struct Sums {
  at::Tensor spikes, repeats;

  explicit Sums(const at::Tensor& counts) {
    const auto there = counts.ge(0);
    spikes = at::where(there, counts, at::zeros_like(counts)).sum(2).to(at::kDouble);
    repeats = there.sum(2).to(at::kDouble);
  }
};

}  // namespace

at::Tensor identified_by_repeats(const at::Tensor& counts, std::int64_t repeats) {
  if (counts.dim() != 3 || counts.size(2) < 2) {
    throw Error(
        text("repeats: expected counts [P, U, R] of two repeats at least, got ", counts.sizes()));
  }
  constexpr double kPrior = 0.5;
  auto even = counts.slice(2, 1, c10::nullopt, 2);
  if (repeats > 0) even = even.narrow(2, 0, std::min(repeats, even.size(2)));
  const Sums known(counts.slice(2, 0, c10::nullopt, 2)), asked(even);
  const auto rates = (known.spikes + kPrior) / known.repeats.clamp_min(1);
  // Sum of n log(rate) over units less n in all times the log of what all were to give.
  const auto likelihood = at::mm(asked.spikes, rates.log().t()) -
                          asked.spikes.sum(1, /*keepdim=*/true) *
                              at::mm(asked.repeats, rates.t()).clamp_min(1e-12).log();
  const auto pictures = counts.size(0);
  return identified(likelihood, at::ones({pictures, pictures}, at::kBool));
}

}  // namespace neurosplat
