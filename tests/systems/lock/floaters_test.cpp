#include "neurosplat/systems/lock/floaters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"

namespace neurosplat {
namespace {

TEST(Floaters, AreNarrowAndBright) {
  struct Case {
    double width, a, b;
    int channel;
    bool floats;
  };
  const std::vector<Case> cases = {
      {-2.9, 0.6, 0.6, 0, true},    // amplitude 0.849
      {-2.9, 0.6, -0.6, 1, true},   //
      {-2.9, 0.0, -0.85, 2, true},  //
      {-9.0, 0.9, 0.0, 0, true},    //
      {-2.9, 0.5, 0.6, 0, false},   // amplitude 0.781
      {-2.7, 0.9, 0.9, 0, false},   // too wide
      {3.0, 0.9, 0.9, 1, false},    //
      {-2.9, 0.0, 0.0, 0, false},   // invisible
  };
  const auto raw = at::zeros({2, static_cast<std::int64_t>(cases.size()), 11});
  auto numbers = raw.accessor<float, 3>();
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    const auto& one = cases[i];
    numbers[0][n][2] = static_cast<float>(one.width);
    numbers[0][n][5 + 2 * one.channel] = static_cast<float>(std::atanh(one.a));
    numbers[0][n][6 + 2 * one.channel] = static_cast<float>(std::atanh(one.b));
    EXPECT_EQ(floaters(raw.narrow(0, 0, 1).narrow(1, n, 1)), one.floats ? 1 : 0) << i;
    expected += one.floats ? 1 : 0;
  }
  EXPECT_EQ(floaters(raw), expected);
}

// By the definition: the whole picture drawn in double without each packet in turn.
TEST(Floaters, SpuriousAreThosePacketsThatAPictureIsBetterWithout) {
  constexpr std::int64_t kPackets = 60, kHeight = 40, kWidth = 56;
  const auto generator = at::detail::createCPUGenerator(11);
  auto packets = at::rand({kPackets, 11}, generator, at::kFloat);
  packets.select(1, packet::kX) = packets.select(1, packet::kX) * 1.2 - 0.1;  // some off the frame
  packets.select(1, packet::kWidth) = packets.select(1, packet::kWidth) * 0.1 + 0.005;
  packets.select(1, packet::kOrientation) *= 7;
  packets.select(1, packet::kFrequency) *= 9;
  packets.slice(1, 5) = packets.slice(1, 5) * 3 - 1.5;
  const RenderOptions sigmoid = {.form = PacketForm::activated, .renderer = RendererKind::dense};
  const auto all = packets.unsqueeze(0).to(at::kDouble);
  const auto drawn = render(all, kHeight, kWidth, sigmoid)[0];
  const auto noise =
      at::randn({3, kHeight, kWidth}, generator, at::TensorOptions().dtype(at::kDouble));
  const auto target = (drawn + 0.3 * noise).clamp(0, 1);
  const double error = at::mse_loss(drawn, target).item<double>();
  std::int64_t expected = 0, loud = 0;
  for (std::int64_t n = 0; n < kPackets; ++n) {
    const auto pairs = packets[n].slice(0, 5).view({3, 2});
    if (pairs.square().sum(1).sqrt().max().item<float>() <= 0.8f) continue;
    ++loud;
    auto without = all.clone();
    without[0][n].slice(0, 5).zero_();
    const auto picture = render(without, kHeight, kWidth, sigmoid)[0];
    if (at::mse_loss(picture, target).item<double>() < error) ++expected;
  }
  EXPECT_GT(expected, 3);
  EXPECT_LT(expected, loud - 3);
  EXPECT_EQ(spurious_packets(packets, target.to(at::kFloat)), expected);
}

}  // namespace
}  // namespace neurosplat
