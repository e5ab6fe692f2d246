#include "systems/iterative_vae/large_counts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace neurosplat::ivae {
namespace {

/// SplitMix64 (Steele, Lea and Flood 2014).
class Stream {
 public:
  using result_type = std::uint64_t;
  explicit Stream(std::uint64_t state) : state_(state) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace

void draw_large_counts(std::int64_t count, const float* log_rate, simd::RandomKey key,
                       float* sample) {
  static const float large = std::log(kLargeRate);
  if (*std::max_element(log_rate, log_rate + count) <= large) return;
  for (std::int64_t k = 0; k < count; ++k) {
    if (log_rate[k] <= large) continue;
    const auto stream = (static_cast<std::uint64_t>(key.high) << 32) + key.low;
    Stream random(stream ^ (static_cast<std::uint64_t>(k + 1) * 0xd1342543de82ef95u));
    std::poisson_distribution<std::int64_t> counts(std::exp(static_cast<double>(log_rate[k])));
    sample[k] = static_cast<float>(counts(random));
  }
}

}  // namespace neurosplat::ivae
