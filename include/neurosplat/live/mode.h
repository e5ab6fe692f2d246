#pragma once

#include <array>
#include <cstddef>

namespace neurosplat::apps {

/// The ways of seeing, in the order of their keys 1 to 4.
enum class Mode : std::size_t { lock, agreement, saccade, temporal };
inline constexpr std::array<const char*, 4> kModeNames = {"lock", "agreement", "saccade",
                                                          "temporal"};

}  // namespace neurosplat::apps
