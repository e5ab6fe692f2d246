#include "systems/iterative_vae/poisson_quantile.h"

#include <algorithm>
#include <cmath>

namespace neurosplat::ivae {

std::int32_t poisson_quantile(double rate, double probability) {
  constexpr double kLargest = 1e5;
  const double bounded = std::min(std::max(rate, 0.0), kLargest);
  // In logarithms: exp(-rate) is no number for large rates.
  double log_term = -bounded, sum = std::exp(log_term);
  std::int32_t n = 0;
  const auto last = static_cast<std::int32_t>(bounded + 20 * std::sqrt(bounded) + 50);
  while (sum < probability && n < last) {
    ++n;
    log_term += std::log(bounded / n);
    sum += std::exp(log_term);
  }
  return std::max(n, 1);
}

}  // namespace neurosplat::ivae
