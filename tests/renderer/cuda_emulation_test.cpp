/// The CUDA kernels' own text, run thread by thread on the processor against the dense sum in
/// double. This executes their logic, not the device: see docs/renderer.md.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cuda_emulation/emulator.h"
#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer/packets/cuda/cuda_kernels.h"
#include "renderer_cases.h"
#include "renderer_numbers.h"

namespace neurosplat {
namespace {

using testing::raw_packets;
using testing::RendererCase;

packet::cuda::Shape shape_of(const RendererCase& one) {
  return {one.batch, static_cast<int>(one.packets), static_cast<int>(one.channels),
          static_cast<int>(one.height), static_cast<int>(one.width)};
}

/// Memory between two guards, NaN until it is written.
class Buffer {
 public:
  explicit Buffer(std::int64_t count)
      : numbers_(static_cast<std::size_t>(count + 2 * kGuard),
                 std::numeric_limits<float>::quiet_NaN()) {
    std::fill_n(numbers_.begin(), kGuard, kMark);
    std::fill_n(numbers_.end() - kGuard, kGuard, kMark);
  }
  ~Buffer() {
    const auto is_mark = [](float value) { return value == kMark; };
    EXPECT_TRUE(std::all_of(numbers_.begin(), numbers_.begin() + kGuard, is_mark));
    EXPECT_TRUE(std::all_of(numbers_.end() - kGuard, numbers_.end(), is_mark));
  }
  float* data() { return numbers_.data() + kGuard; }
  at::Tensor tensor(at::IntArrayRef sizes) {
    return at::from_blob(data(), sizes, at::kFloat).clone();
  }

 private:
  static constexpr std::int64_t kGuard = 512;
  static constexpr float kMark = 12345.0f;
  std::vector<float> numbers_;
};

at::Tensor activated(const packet::cuda::Shape& shape, const at::Tensor& raw) {
  Buffer active(raw.numel());
  packet::cuda::activate(shape, raw.const_data_ptr<float>(), active.data(), nullptr);
  return active.tensor(raw.sizes());
}

struct Prepared {
  Prepared(const packet::cuda::Shape& shape, const at::Tensor& active)
      : numbers(shape.batch * packet::cuda::kPreparedNumbers * shape.packets) {
    packet::cuda::prepare(shape, active.const_data_ptr<float>(), numbers.data(), nullptr);
  }
  Buffer numbers;
};

at::Tensor drawn(const packet::cuda::Shape& shape, const at::Tensor& active) {
  Prepared prepared(shape, active);
  Buffer workspace(packet::cuda::draw_workspace(shape));
  Buffer field(shape.batch * shape.channels * shape.height * shape.width);
  packet::cuda::draw(shape, active.const_data_ptr<float>(), prepared.numbers.data(),
                     workspace.data(), field.data(), nullptr);
  return field.tensor({shape.batch, shape.channels, shape.height, shape.width});
}

at::Tensor gradient_of(const packet::cuda::Shape& shape, const at::Tensor& active,
                       const at::Tensor& field_gradient) {
  Prepared prepared(shape, active);
  Buffer workspace(packet::cuda::gradient_workspace(shape));
  Buffer gradient(active.numel());
  packet::cuda::gradient(shape, active.const_data_ptr<float>(), prepared.numbers.data(),
                         field_gradient.const_data_ptr<float>(), workspace.data(), gradient.data(),
                         nullptr);
  return gradient.tensor(active.sizes());
}

const RenderOptions kTruth{
    .form = PacketForm::activated, .output = Output::linear, .renderer = RendererKind::dense};

at::Tensor truth_of(const at::Tensor& active, const RendererCase& one) {
  return render(active.to(at::kDouble), one.height, one.width, kTruth);
}

const std::vector<RendererCase>& emulated_cases() {
  static const std::vector<RendererCase> cases = {
      {"one_packet", 4, 1, 3, 16, 16},
      {"two_by_two_pixels", 2, 5, 3, 2, 2},
      {"batch_of_two", 2, 65, 3, 48, 20},
      {"wide", 1, 64, 3, 17, 90},
      {"beyond_a_tile", 1, 18, 3, 35, 67},
      {"grey", 2, 100, 1, 32, 32},
      {"grey_beyond_a_tile", 1, 33, 1, 70, 130},
      {"five_channels", 2, 33, 5, 24, 24},
      // So many pictures that a block gets several windows of packets, or several tiles.
      {"windows_of_a_block", 128, 260, 1, 2, 2, 1.0, -3.0},
      {"tiles_of_a_block", 129, 1, 3, 34, 130},
      {"narrow_envelopes", 1, 200, 3, 64, 64, 1.0, -9.0},
      {"broad_envelopes", 1, 60, 3, 64, 64, 1.0, 9.0},
      {"highest_frequency", 1, 40, 3, 64, 64, 1.0, 0.0, 12.0},
      {"sharpest_corner", 1, 12, 3, 200, 200, 1.0, 9.0, 12.0},
      {"outside_the_frame", 1, 60, 3, 40, 60, 1.0, -1.0, 0.0, 0.0, 2.5},
      {"at_the_border", 1, 80, 3, 40, 40, 1.0, 0.0, 0.0, 12.0},
      {"saturated_coefficients", 1, 30, 3, 40, 40, 9.0},
      {"model_size", 1, 512, 3, 128, 128, 0.5},
  };
  return cases;
}

class CudaEmulation : public ::testing::TestWithParam<RendererCase> {};

TEST_P(CudaEmulation, Values) {
  const auto& one = GetParam();
  const auto shape = shape_of(one);
  const auto raw = raw_packets(one);
  EXPECT_TRUE(at::allclose(activated(shape, raw), activate_packets(raw), 1e-6, 1e-6));
  const auto active = testing::active_packets(one);
  EXPECT_LE(testing::error_of(drawn(shape, active), truth_of(active, one)), 2e-6);
}

TEST_P(CudaEmulation, Gradients) {
  const auto& one = GetParam();
  const auto active = testing::active_packets(one);
  const auto weight = at::randn({one.batch, one.channels, one.height, one.width},
                                at::detail::createCPUGenerator(11), at::kFloat);
  auto exact = active.to(at::kDouble).requires_grad_(true);
  (truth_of(exact, one) * weight).sum().backward();
  const auto own = gradient_of(shape_of(one), active, weight);
  for (const double error : testing::gradient_errors(own, exact.grad())) EXPECT_LE(error, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Renderer, CudaEmulation, ::testing::ValuesIn(emulated_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(CudaEmulation, PacketsOutsideTheFrameAndPastTheCutoff) {
  const RendererCase one{"", 1, 40, 3, 80, 150};
  auto active = activate_packets(raw_packets(one));
  active.select(2, packet::kWidth).fill_(0.012);
  active.select(2, packet::kX) = at::linspace(-0.3, 1.3, 40, at::kFloat).unsqueeze(0);
  active.select(2, packet::kY) = at::linspace(1.2, -0.2, 40, at::kFloat).unsqueeze(0);
  const auto products = emulation::matrix_products();
  const auto picture = drawn(shape_of(one), active);
  const auto used = emulation::matrix_products() - products;
  EXPECT_LE(testing::error_of(picture, truth_of(active, one)), 2e-6);
  // Nine tiles of three chunks each, 576 products a chunk, were none left out.
  EXPECT_LT(used, 9 * 3 * 576 * 3 / 4);
}

TEST(CudaEmulation, ActivationGoesBack) {
  const RendererCase one{"", 2, 70, 3, 8, 8, 3.0};
  const auto shape = shape_of(one);
  const auto raw = raw_packets(one);
  const auto weight = at::randn(raw.sizes(), at::detail::createCPUGenerator(5), at::kFloat);
  auto exact = raw.to(at::kDouble).requires_grad_(true);
  (activate_packets(exact) * weight).sum().backward();
  Buffer gradient(raw.numel());
  packet::cuda::activate_backward(shape, raw.const_data_ptr<float>(),
                                  weight.const_data_ptr<float>(), gradient.data(), nullptr);
  const auto own = gradient.tensor(raw.sizes());
  for (const double error : testing::gradient_errors(own, exact.grad())) EXPECT_LE(error, 1e-5);
}

TEST(CudaEmulation, SameBitsWhateverTheOrderOfTheWarps) {
  const RendererCase one{"", 1, 50, 3, 40, 70};
  const auto shape = shape_of(one);
  const auto active = activate_packets(raw_packets(one));
  const auto picture = drawn(shape, active);
  const auto gradient = gradient_of(shape, active, picture);
  emulation::set_seed(99);
  EXPECT_TRUE(at::equal(drawn(shape, active), picture));
  EXPECT_TRUE(at::equal(gradient_of(shape, active, picture), gradient));
}

TEST(CudaEmulation, NotANumberIsSeenInTheWholePicture) {
  const RendererCase one{"", 2, 20, 3, 40, 70, 1.0, -9.0};
  const auto good = activate_packets(raw_packets(one));
  for (int number = 0; number < 11; ++number) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      auto active = good.clone();
      active[1][7][number] = bad;
      const auto picture = drawn(shape_of(one), active);
      EXPECT_TRUE(picture[0].isfinite().all().item<bool>());
      EXPECT_TRUE(picture[1].isnan().all().item<bool>()) << number;
    }
  }
}

TEST(CudaEmulation, RefusesWhatNoGridHolds) {
  EXPECT_NO_THROW(packet::cuda::check_size({64, 4096, 3, 1024, 768}));
  EXPECT_THROW(packet::cuda::check_size({1'000'000, 512, 3, 65536, 65536}), UsageError);
  EXPECT_THROW(packet::cuda::check_size({1'000'000'000, 512, 3, 64, 64}), UsageError);
}

}  // namespace
}  // namespace neurosplat
