#pragma once

#include <cstdint>

namespace neurosplat::ivae {

/// Smallest n >= 1 for which a Poisson variable of this rate is at most n with probability
/// `probability` (in (0, 1)). `rate` at least 0; rates above 1e5 count as 1e5.
std::int32_t poisson_quantile(double rate, double probability);

}  // namespace neurosplat::ivae
