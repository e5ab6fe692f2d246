#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace neurosplat::testing {

/// One picture to draw. Every renderer runs through the same list.
struct RendererCase {
  std::string name;
  std::int64_t batch, packets, channels, height, width;
  /// Raw numbers are normal draws of this spread, shifted for width, frequency and centre.
  double spread = 1.0, width_shift = 0, frequency_shift = 0, centre_shift = 0;
  /// Activated centres are moved away from the middle by this factor.
  double stretch = 1.0;
};

inline void PrintTo(const RendererCase& one, std::ostream* out) {
  *out << one.name;
}

inline const std::vector<RendererCase>& renderer_cases() {
  static const std::vector<RendererCase> cases = {
      // Four pictures: of a single number, a relative error would only say how much cancels in it.
      {"one_packet", 4, 1, 3, 16, 16},
      {"one_packet_grey", 8, 1, 1, 8, 8},
      {"two_by_two_pixels", 2, 5, 3, 2, 2},
      {"tall", 2, 65, 3, 48, 20},
      {"wide", 1, 64, 3, 17, 90},
      {"grey", 3, 100, 1, 32, 32},
      {"five_channels", 1, 33, 5, 24, 24},
      {"model_size", 5, 512, 3, 128, 128, 0.5},
      {"narrow_envelopes", 1, 200, 3, 64, 64, 1.0, -9.0},
      {"broad_envelopes", 1, 60, 3, 64, 64, 1.0, 9.0},
      {"highest_frequency", 1, 40, 3, 64, 64, 1.0, 0.0, 12.0},
      {"lowest_frequency", 1, 60, 3, 64, 64, 1.0, 0.0, -12.0},
      {"sharpest_corner", 1, 12, 3, 200, 200, 1.0, 9.0, 12.0},
      {"outside_the_frame", 1, 60, 3, 40, 60, 1.0, -1.0, 0.0, 0.0, 2.5},
      {"at_the_border", 1, 80, 3, 40, 40, 1.0, 0.0, 0.0, 12.0},
      {"saturated_coefficients", 1, 30, 3, 40, 40, 9.0},
      {"many_packets", 1, 4096, 3, 64, 64, 1.0, -2.0},
  };
  return cases;
}

/// Those that take the dense sum many seconds.
inline const std::vector<RendererCase>& slow_renderer_cases() {
  static const std::vector<RendererCase> cases = {
      {"large_picture", 1, 100, 3, 768, 1024},
      {"large_picture_many_packets", 1, 4096, 3, 256, 256, 1.0, -2.0},
  };
  return cases;
}

}  // namespace neurosplat::testing
