#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat::testing {

/// The noise of the fused loop number by number, in double precision: MurmurHash3's finaliser twice
/// over the counter, under the key of row and sample.
class CountedNoise : public ivae::Noise {
 public:
  explicit CountedNoise(const ivae::LoopSettings& settings) : settings_(settings) {}

  at::Tensor waits(std::int64_t sample, at::IntArrayRef sizes) override {
    auto noise = at::empty(sizes, at::kDouble);
    auto* out = noise.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < sizes[0]; ++i) {
      for (std::int64_t r = 0; r < sizes[1]; ++r) {
        const auto key = this->key(r, sample);
        for (std::int64_t k = 0; k < sizes[2]; ++k) {
          *out++ = wait(bits(key, static_cast<std::uint32_t>(i * sizes[2] + k)));
        }
      }
    }
    return noise;
  }

  at::Tensor normal(std::int64_t sample, at::IntArrayRef sizes) override {
    auto noise = at::empty(sizes, at::kDouble);
    auto* out = noise.mutable_data_ptr<double>();
    for (std::int64_t r = 0; r < sizes[0]; ++r) {
      const auto key = this->key(r, sample);
      for (std::int64_t k = 0; k < sizes[1]; ++k) {
        const auto first = static_cast<std::uint32_t>(k / 32 * 32 + k % 16);
        const double radius = std::sqrt(2 * wait(bits(key, first)));
        const double angle = 2 * std::numbers::pi * (uniform(bits(key, first + 16)) - 0.5);
        *out++ = radius * (k % 32 < 16 ? std::cos(angle) : std::sin(angle));
      }
    }
    return noise;
  }

  at::Tensor counts(std::int64_t sample, const at::Tensor& rates) override {
    const auto times = at::cumsum(waits(sample, {64, rates.size(0), rates.size(1)}) / rates, 0);
    return (times <= 1).sum(0).to(rates.scalar_type());
  }

 protected:
  const ivae::LoopSettings& settings() const { return settings_; }
  virtual simd::RandomKey key(std::int64_t row, std::int64_t sample) const {
    return settings_.key(row, sample);
  }

 private:
  static std::uint32_t mixed(std::uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ (x >> 16);
  }
  static std::uint32_t bits(const simd::RandomKey& key, std::uint32_t counter) {
    return mixed(mixed(counter ^ key.low) + key.high);
  }
  static double uniform(std::uint32_t word) {
    return (static_cast<double>(word >> 8) + 0.5) / 16777216.0;
  }
  static double wait(std::uint32_t word) { return -std::log(uniform(word)); }

  const ivae::LoopSettings& settings_;
};

}  // namespace neurosplat::testing
