#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <string_view>

namespace neurosplat {

/// The finaliser of splitmix64: a bijection of 64 bits without visible structure.
constexpr std::uint64_t mixed(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31U);
}

/// One number out of several; their order counts.
constexpr std::uint64_t hash_of(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t hash = 0;
  for (const auto part : parts) hash = mixed(hash + 0x9e3779b97f4a7c15U + mixed(part));
  return hash;
}

/// The same of a file's name, to draw files by.
constexpr std::uint64_t hash_of_name(std::string_view name, std::uint64_t seed) {
  auto hash = hash_of({seed, name.size()});
  for (const char c : name) hash = hash_of({hash, static_cast<unsigned char>(c)});
  return hash;
}

/// splitmix64. The standard's generators are fixed too, but its distributions differ from one
/// library to the next, and pictures and orders must not.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return mixed(state_ += 0x9e3779b97f4a7c15U); }

  /// 0 to count - 1. The modulo favours low numbers by count / 2^64: nothing.
  std::uint64_t below(std::uint64_t count) { return next() % count; }

  /// Uniform in [low, high).
  float between(float low, float high) {
    return low + (high - low) * static_cast<float>(next() >> 40U) * 0x1p-24F;
  }

  /// Uniform in (0, 1].
  double unit() { return static_cast<double>((next() >> 11U) + 1) * 0x1p-53; }
  /// Standard normal (Box and Muller 1958; the sine is left unused).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }

 private:
  std::uint64_t state_;
};

}  // namespace neurosplat
