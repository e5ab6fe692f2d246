#include "neurosplat/renderer/packets/packet.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace neurosplat::packet {
namespace {

using Numbers = std::array<double, numbers(3)>;

TEST(Packet, ActivationStaysFiniteAtTheEnds) {
  for (const double extreme : {-800.0, 800.0}) {
    Numbers raw, active, one, gradient;
    raw.fill(extreme);
    one.fill(1);
    activate(raw.data(), 2.0, -2.0, 3, active.data());
    activate_backward(raw.data(), 2.0, -2.0, 3, one.data(), gradient.data());
    const double high = extreme > 0 ? 1 : 0;
    EXPECT_DOUBLE_EQ(active[kX], high);
    EXPECT_NEAR(active[kWidth], 0.012 + 0.14 * high, 1e-15);
    EXPECT_NEAR(active[kFrequency], 1 + 15 * high, 1e-12);
    EXPECT_DOUBLE_EQ(active[kCoefficients], 2 * high - 1);
    for (int i = 0; i < numbers(3); ++i) EXPECT_EQ(gradient[i], i == kOrientation ? 1.0 : 0.0);
  }
}

TEST(Packet, ActivationGradientMatchesFiniteDifferences) {
  const Numbers raw = {0.3, -0.7, 1.2, 2.9, -0.4, 0.1, -0.2, 0.9, -1.5, 0.0, 3.0};
  Numbers ones, gradient;
  ones.fill(1);
  activate_backward(raw.data(), 0.5, -1.5, 3, ones.data(), gradient.data());
  for (int i = 0; i < numbers(3); ++i) {
    const auto at = [&](double by) {
      Numbers moved = raw, active;
      moved[static_cast<std::size_t>(i)] += by;
      activate(moved.data(), 0.5, -1.5, 3, active.data());
      return active[static_cast<std::size_t>(i)];
    };
    const double difference = (at(1e-6) - at(-1e-6)) / 2e-6;
    EXPECT_NEAR(gradient[static_cast<std::size_t>(i)], difference, 1e-8) << i;
  }
}

}  // namespace
}  // namespace neurosplat::packet
