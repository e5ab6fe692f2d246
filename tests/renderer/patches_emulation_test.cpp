/// The CUDA patch kernels' own text, run thread by thread on the processor against plain loops in
/// double. This executes their logic, not the device: see docs/renderer.md.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "cuda_emulation/emulator.h"
#include "neurosplat/core/error.h"
#include "neurosplat/renderer/patches/patches.h"
#include "patch_cases.h"
#include "patch_numbers.h"
#include "renderer/patches/cuda/cuda_patch_kernels.h"

namespace neurosplat {
namespace {

using patches::Form;
using patches::Mode;
using patches::Sharing;
using testing::patch_splats;
using testing::PatchCase;

patches::cuda::Shape shape_of(const at::Tensor& splats, const Form& form) {
  return {splats.size(0),
          static_cast<int>(splats.size(1)),
          static_cast<int>(splats.size(2)),
          static_cast<int>(splats.size(3)),
          static_cast<int>(form.tile),
          form.sharing == Sharing::kNeighbours,
          form.kernel};
}

/// A tensor of NaN with NaN around it, which must stay.
struct Guarded {
  explicit Guarded(std::vector<std::int64_t> sizes)
      : all(at::full({at::zeros(sizes).numel() + 2 * kGuard},
                     std::numeric_limits<float>::quiet_NaN())),
        inside(all.narrow(0, kGuard, all.numel() - 2 * kGuard).view(sizes)) {}
  ~Guarded() {
    EXPECT_TRUE(all.narrow(0, 0, kGuard).isnan().all().item<bool>());
    EXPECT_TRUE(all.narrow(0, all.numel() - kGuard, kGuard).isnan().all().item<bool>());
  }
  float* data() { return inside.mutable_data_ptr<float>(); }

  static constexpr std::int64_t kGuard = 512;
  at::Tensor all, inside;
};

struct Drawn {
  at::Tensor pictures, weights;
};

Drawn drawn(const at::Tensor& splats, const Form& form) {
  const std::int64_t batch = splats.size(0), height = splats.size(1) * form.tile,
                     width = splats.size(2) * form.tile;
  Guarded pictures({batch, 3, height, width}), weights({2, batch, height, width});
  patches::cuda::draw(shape_of(splats, form), splats.const_data_ptr<float>(), pictures.data(),
                      weights.data(), nullptr);
  return {pictures.inside.clone(), weights.inside.clone()};
}

at::Tensor gradient_of(const at::Tensor& splats, const Form& form, const at::Tensor& weight) {
  const auto [pictures, weights] = drawn(splats, form);
  const auto given = weight.to(at::kFloat).contiguous();
  Guarded gradient(splats.sizes().vec());
  patches::cuda::gradient(shape_of(splats, form), splats.const_data_ptr<float>(),
                          pictures.const_data_ptr<float>(), weights.const_data_ptr<float>(),
                          given.const_data_ptr<float>(), gradient.data(), nullptr);
  return gradient.inside.clone();
}

class PatchesEmulation : public ::testing::TestWithParam<PatchCase> {};

TEST_P(PatchesEmulation, Values) {
  const auto& one = GetParam();
  const auto splats = patch_splats(one);
  EXPECT_LE(testing::error_of(drawn(splats, one.form).pictures,
                              testing::patch_truth(splats, one.form).picture),
            testing::patch_value_bound(one));
}

TEST_P(PatchesEmulation, Gradients) {
  const auto& one = GetParam();
  const auto splats = patch_splats(one);
  const auto weight = testing::patch_weight(testing::patch_truth(splats, one.form).smooth);
  const auto exact = testing::patch_gradient(splats.to(at::kDouble), one.form, Mode::eager, weight);
  EXPECT_LE(testing::patch_gradient_error(gradient_of(splats, one.form, weight), exact),
            testing::patch_gradient_bound(one));
}

INSTANTIATE_TEST_SUITE_P(Renderer, PatchesEmulation, ::testing::ValuesIn(testing::patch_cases()),
                         [](const auto& one) { return one.param.name; });

TEST(PatchesEmulation, SameBitsWhateverTheOrderOfTheWarps) {
  const Form form{patches::Kernel::kSharpPost, Sharing::kNeighbours, 9};
  const auto splats = patch_splats({"", 1, 2, 3, 18, form, {0.125, 0, 1}});
  const auto picture = drawn(splats, form).pictures;
  const auto gradient = gradient_of(splats, form, picture);
  emulation::set_seed(99);
  EXPECT_TRUE(at::equal(drawn(splats, form).pictures, picture));
  EXPECT_TRUE(at::equal(gradient_of(splats, form, picture), gradient));
}

TEST(PatchesEmulation, NotANumberIsSeenWhereItsSplatReaches) {
  const Form form{patches::Kernel::kCosine, Sharing::kOwn, 8};
  for (int number = 0; number < patches::kNumbers; ++number) {
    auto splats = patch_splats({"", 2, 1, 2, 5, form, {0.125, 0, 1}});
    splats[1][0][1][2][patches::kWeight].fill_(60);
    splats[1][0][1][2][number].fill_(std::numeric_limits<float>::quiet_NaN());
    const auto picture = drawn(splats, form).pictures;
    EXPECT_TRUE(picture[0].isfinite().all().item<bool>());
    EXPECT_TRUE(picture[1].narrow(2, 0, 8).isfinite().all().item<bool>());
    EXPECT_TRUE(picture[1].narrow(2, 8, 8).isnan().any().item<bool>()) << number;
  }
}

TEST(PatchesEmulation, RefusesWhatNoGridHolds) {
  EXPECT_NO_THROW(patches::cuda::check_size({128, 8, 8, 16, 128, true, {}}));
  EXPECT_THROW(patches::cuda::check_size({1'000'000'000, 8, 8, 16, 8, true, {}}), UsageError);
  EXPECT_THROW(patches::cuda::check_size({1, 1, 1, 1, 65536, true, {}}), UsageError);
}

}  // namespace
}  // namespace neurosplat
