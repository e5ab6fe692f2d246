#include "neurosplat/renderer/patches/patches.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "patch_cases.h"
#include "patch_numbers.h"

namespace neurosplat {
namespace {

using patches::Form;
using patches::Kernel;
using patches::Mode;
using patches::Sharing;
using testing::error_of;
using testing::patch_splats;
using testing::PatchCase;

constexpr Kernel kKernels[] = {Kernel::kExponential, Kernel::kCosine, Kernel::kSharp,
                               Kernel::kSharpPost};

class EveryPatchCase : public ::testing::TestWithParam<PatchCase> {};

TEST_P(EveryPatchCase, EagerInDoubleIsTheFormula) {
  const auto& one = GetParam();
  const auto splats = patch_splats(one).to(at::kDouble);
  EXPECT_LE(error_of(patches::render(splats, one.form, Mode::eager),
                     testing::patch_truth(splats, one.form).picture),
            1e-10);
}

TEST_P(EveryPatchCase, FusedValues) {
  const auto& one = GetParam();
  const auto splats = patch_splats(one);
  EXPECT_LE(error_of(patches::render(splats, one.form, Mode::fused),
                     testing::patch_truth(splats, one.form).picture),
            testing::patch_value_bound(one));
}

TEST_P(EveryPatchCase, FusedGradients) {
  const auto& one = GetParam();
  const auto splats = patch_splats(one);
  const auto weight = testing::patch_weight(testing::patch_truth(splats, one.form).smooth);
  const auto exact = testing::patch_gradient(splats.to(at::kDouble), one.form, Mode::eager, weight);
  const auto own = testing::patch_gradient(splats, one.form, Mode::fused, weight);
  EXPECT_LE(testing::patch_gradient_error(own, exact), testing::patch_gradient_bound(one));
}

INSTANTIATE_TEST_SUITE_P(Patches, EveryPatchCase, ::testing::ValuesIn(testing::patch_cases()),
                         [](const auto& one) { return one.param.name; });

/// One broad-weighted splat whose centre is `distance` = D away from the only pixel: the picture
/// is 2 K(D) c - 1 as long as the weight hides the 1e-6.
at::Tensor splat_at(double distance, double weight, at::ScalarType type) {
  auto splat = at::zeros({1, 1, 1, 1, 9}, type);
  const std::vector<double> numbers = {
      0.5 - std::sqrt(distance), 0.5, 1, 1, 0, 0.5, 0.25, 1.0, weight};
  for (int i = 0; i < 9; ++i) splat[0][0][0][0][i].fill_(numbers[static_cast<std::size_t>(i)]);
  return splat;
}

/// The table of docs/renderer.md, "The patch renderer", five digits each; NaN where it says
/// nothing.
TEST(Patches, KernelTable) {
  struct Row {
    double distance, cosine, sharp, post, depth;
  };
  const Row table[] = {
      {0, 1, 1, 1, 1},
      {.10, .74679, 1.00000, 1.00000, .99840},
      {.25, .05509, .99998, .99998, .93750},
      {.40, -.49429, .97185, .97185, .59040},
      {.50, -.60046, 0, 0, .01832},
      {.60, -.49215, -2.63842, -.23935, .00823},
      {.75, -.09957, -8.59454, -.42790, .00248},
      {1.0, .35323, -24.87071, -.45552, .00034},
      {1.7, std::exp(-1.7) * std::cos(10.2), -24.87071, NAN, .00034},
  };
  for (const Row& row : table) {
    const double expected[] = {std::exp(-row.distance), row.cosine, row.sharp, row.post};
    for (std::size_t k = 0; k < 4; ++k) {
      if (std::isnan(expected[k])) continue;
      for (const auto mode : {Mode::eager, Mode::fused}) {
        const auto type = mode == Mode::eager ? at::kDouble : at::kFloat;
        const auto pixel =
            patches::render(splat_at(row.distance, 64, type), {kKernels[k], {}, 1}, mode);
        const double bound =
            (mode == Mode::eager ? 1.1e-5 : 1.3e-5) * std::max(1.0, std::abs(expected[k]));
        EXPECT_NEAR(pixel[0][2][0][0].item<double>(), 2 * expected[k] - 1, 2 * bound)
            << row.distance << ' ' << k;
      }
    }
    // The depth factor, from where it fights the 1e-6 on even terms: y = K h / (h + 1).
    for (const auto kernel : {Kernel::kSharp, Kernel::kSharpPost}) {
      const double even = 32 + 0.5 * std::log(1e-6);
      const auto splat = splat_at(row.distance, even, at::kFloat);
      const double y =
          patches::render(splat, {kernel, {}, 1}, Mode::fused)[0][2][0][0].item<double>() / 2 + 0.5;
      const double k = testing::patch_kernel(kernel, row.distance), h = row.depth * row.depth;
      // Five digits of the depth, squared; no digits where the kernel is zero.
      EXPECT_NEAR(y, k * h / (h + 1), 2e-5 * std::abs(k) + 2e-5) << row.distance;
    }
  }
}

/// Central differences of the plain loops, each of the nine numbers.
TEST(Patches, GradientsMatchFiniteDifferences) {
  for (const auto kernel : kKernels) {
    const PatchCase one{"", 1, 2, 2, 3, {kernel, Sharing::kNeighbours, 4}, {0.125, 0, 1}};
    const auto splats = patch_splats(one).to(at::kDouble);
    const auto weight = testing::patch_weight(testing::patch_truth(splats, one.form).smooth);
    const auto eager = testing::patch_gradient(splats, one.form, Mode::eager, weight);
    const auto fused =
        testing::patch_gradient(splats.to(at::kFloat), one.form, Mode::fused, weight);
    const auto loss = [&](const at::Tensor& at) {
      return (testing::patch_truth(at, one.form).picture * weight).sum().item<double>();
    };
    constexpr double kStep = 1e-6;
    for (std::int64_t i = 0; i < splats.numel(); ++i) {
      auto up = splats.clone(), down = splats.clone();
      up.view(-1)[i] += kStep;
      down.view(-1)[i] -= kStep;
      const double slope = (loss(up) - loss(down)) / (2 * kStep);
      const double tolerance = 1e-6 * std::max(1.0, std::abs(slope));
      EXPECT_NEAR(eager.view(-1)[i].item<double>(), slope, 10 * tolerance) << i;
      EXPECT_NEAR(fused.reshape(-1)[i].item<double>(), slope, 100 * tolerance) << i;
    }
  }
}

TEST(Patches, ActivationIsTheNotes) {
  const auto raw = at::randn({2, 1, 3, 4, 9}, at::detail::createCPUGenerator(2), at::kDouble);
  const auto active = patches::activate(raw, {0.125, -1.4, 1.5});
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto in = raw[1][0][2][3], out = active[1][0][2][3];
  const auto number = [](const at::Tensor& t, int i) { return t[i].item<double>(); };
  for (const int i : {0, 1}) EXPECT_NEAR(number(out, i), std::tanh(number(in, i)) + 0.5, 1e-14);
  for (const int i : {2, 3}) EXPECT_NEAR(number(out, i), 4 * sigmoid(number(in, i) - 1.4), 1e-14);
  EXPECT_NEAR(number(out, 4), std::tanh(number(in, 4)), 1e-14);
  for (const int i : {5, 6, 7}) EXPECT_NEAR(number(out, i), 1.5 * sigmoid(number(in, i)), 1e-14);
  EXPECT_NEAR(number(out, 8), 64 * sigmoid(number(in, 8) / 8), 1e-13);
  EXPECT_NEAR(number(patches::activate(raw)[1][0][2][3], 8), 64 * sigmoid(number(in, 8)), 1e-13);
  EXPECT_THROW(patches::activate(raw, {0, 0, 1}), UsageError);
  EXPECT_THROW(patches::activate(raw, {1, NAN, 1}), UsageError);
  EXPECT_THROW(patches::activate(raw, {1, 0, -1}), UsageError);
  EXPECT_THROW(patches::activate(raw[0]), UsageError);
}

/// The global renderer draws all splats everywhere: on three by three tiles the middle one's
/// neighbours are all there are, and one tile's own.
TEST(Patches, SharingAgreesWithTheGlobalRenderer) {
  for (const auto kernel : kKernels) {
    const Form form{kernel, Sharing::kNeighbours, 6};
    const auto splats = patch_splats({"", 1, 3, 3, 7, form, {0.125, 0, 1}});
    const auto everywhere = testing::patch_loops(splats, form, 9).picture;
    const auto middle = [](const at::Tensor& picture) {
      return picture.narrow(2, 6, 6).narrow(3, 6, 6);
    };
    const auto shared = patches::render(splats, form);
    EXPECT_LE(error_of(middle(shared), middle(everywhere)), 1e-5);
    EXPECT_GT(error_of(shared, everywhere), 1e-3);  // the corners do not see all
    const auto one = splats.narrow(1, 0, 1).narrow(2, 0, 1);
    EXPECT_TRUE(
        at::equal(patches::render(one, form), patches::render(one, {kernel, Sharing::kOwn, 6})));
  }
}

/// The note's padding, and weights that are merely out of reach, contribute exactly nothing.
TEST(Patches, PaddingContributesNothing) {
  for (const auto kernel : kKernels) {
    const Form form{kernel, Sharing::kNeighbours, 8};
    const auto splats = patch_splats({"", 1, 2, 3, 4, form, {0.125, 0, 1}});
    auto padding = at::zeros({1, 2, 3, 2, 9});
    padding.narrow(4, 0, 2).fill_(0.5);
    padding.select(4, patches::kWeight).fill_(-1e6);
    padding.requires_grad_(true);
    const auto alone = patches::render(splats, form);
    const auto padded = patches::render(at::cat({splats, padding}, 3), form);
    EXPECT_TRUE(at::equal(alone, padded));
    padded.sum().backward();
    EXPECT_EQ(padding.grad().abs().max().item<float>(), 0);
    auto around = at::zeros({1, 4, 5, 4, 9});
    around.select(4, patches::kWeight).fill_(-1e6);
    around.narrow(1, 1, 2).narrow(2, 1, 3).copy_(splats);
    const auto drawn = patches::render(around, form).narrow(2, 8, 16).narrow(3, 8, 24);
    EXPECT_LE(error_of(drawn, alone.to(at::kDouble)), 1e-6);
  }
}

TEST(Patches, WeightsOfEverySize) {
  const auto base = patch_splats({"", 1, 3, 3, 16, {}, {0.125, 0, 1}});
  for (const auto kernel : kKernels) {
    const Form form{kernel, Sharing::kNeighbours, 8};
    for (const double weight : {-1e6, -100.0, 0.0, 25.0, 32.0, 64.0, 300.0, 1e6}) {
      auto splats = base.clone();
      splats.select(4, patches::kWeight).fill_(weight);  // all equal
      const auto picture = patches::render(splats, form, Mode::fused);
      const auto truth = testing::patch_truth(splats, form);
      EXPECT_LE(error_of(picture, truth.picture), 1e-5) << weight;
      if (weight <= -100) {
        EXPECT_TRUE(at::equal(picture, at::full_like(picture, -1)));
      }
      const auto gradient = testing::patch_gradient(splats, form, Mode::fused, truth.smooth);
      EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << weight;
    }
    // Far apart: from hidden by the 1e-6 to near and far beyond what a float's exponent holds.
    for (const auto& [low, high] : {std::pair{-20.0, 110.0}, std::pair{-500.0, 700.0}}) {
      auto splats = base.clone();
      splats.select(4, patches::kWeight).copy_(at::linspace(low, high, 16));
      const auto truth = testing::patch_truth(splats, form);
      EXPECT_LE(error_of(patches::render(splats, form, Mode::fused), truth.picture), 2e-5);
      const auto gradient = testing::patch_gradient(splats, form, Mode::fused, truth.smooth);
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
    }
  }
}

/// Splat 5 of 16 of one tile is as given, the rest of ordinary weight.
at::Tensor with_heavy_splat(const std::vector<double>& numbers) {
  auto splats = patch_splats({"", 1, 1, 1, 16, {}, {0.125, 0, 1}});
  for (int i = 0; i < 9; ++i) {
    splats[0][0][0][5][i].fill_(numbers[static_cast<std::size_t>(i)]);
  }
  return splats;
}

/// A heavy splat of which a tile sees the last of its slope: exp(2 w) is beyond a float, exp(-4 D)
/// below one.
TEST(Patches, HeavySplatSeenFromFar) {
  const auto splats = with_heavy_splat({-0.5, 0.5, 17.8, 0.3, 0, 0.9, 0.8, 0.7, 235.5});
  for (const auto kernel : {Kernel::kExponential, Kernel::kCosine}) {
    const auto picture = patches::render(splats, {.kernel = kernel}, Mode::fused);
    const auto truth = testing::patch_truth(splats, {.kernel = kernel}).picture;
    EXPECT_LE((picture.to(at::kDouble) - truth).abs().max().item<double>(), 1e-3);
    // It hides what is behind it, with nothing of its own.
    EXPECT_LT(picture.select(3, 0).max().item<double>(), -0.99);
    EXPECT_GT(picture.narrow(3, 1, 7).max().item<double>(), -0.9);
  }
}

/// A heavy, narrow one in the middle: weights of a block spread over e^150.
TEST(Patches, HeavySplatInTheMiddle) {
  const auto splats = with_heavy_splat({0.5, 0.5, 10, 10, 0.2, 0.9, 0.8, 0.7, 110});
  for (const auto kernel : kKernels) {
    const Form form{.kernel = kernel};
    const auto truth = testing::patch_truth(splats, form);
    EXPECT_LE(error_of(patches::render(splats, form, Mode::fused), truth.picture), 1e-5);
    const auto weight = testing::patch_weight(truth.smooth);
    const auto exact = testing::patch_gradient(splats.to(at::kDouble), form, Mode::eager, weight);
    const auto own = testing::patch_gradient(splats, form, Mode::fused, weight);
    // Together: the weights' gradient alone is what is left of 1 - 1.
    EXPECT_LE((own.to(at::kDouble) - exact).norm().item<double>(),
              2e-5 * exact.norm().item<double>());
  }
}

/// Where pixels take their own reference (weights too far apart for one), values and gradients are
/// those of the same weights moved together: only differences count once the 1e-6 is hidden.
TEST(Patches, WeightsFarApartKeepTheirGradients) {
  for (const auto kernel : kKernels) {
    const Form form{kernel, Sharing::kNeighbours, 8};
    auto low = patch_splats({"", 1, 2, 2, 8, form, {0.125, 0, 1}});
    // Broad ones that everything else covers by 3, once at about 40 and once at about 20,000.
    auto high = low.clone();
    high.select(4, patches::kWeight) += 16384;
    high.narrow(3, 0, 1).select(4, patches::kWeight).fill_(100);
    low.narrow(3, 0, 1).select(4, patches::kWeight).fill_(-100);
    const auto smooth = testing::patch_truth(high, form).smooth;
    const auto weight = testing::patch_weight(smooth);
    EXPECT_LE(error_of(patches::render(high, form), testing::patch_truth(high, form).picture),
              2e-3);  // w = 16,000 has 1e-3 as its last place
    const auto gradient = testing::patch_gradient(high, form, Mode::fused, weight);
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
    EXPECT_EQ(gradient.narrow(3, 0, 1).abs().max().item<float>(), 0);
    EXPECT_GT(gradient.narrow(3, 1, 7).abs().max().item<float>(), 0);
  }
}

TEST(Patches, SameBitsForAnyNumberOfThreads) {
  for (const auto kernel : {Kernel::kCosine, Kernel::kSharp}) {
    for (const auto sharing : {Sharing::kOwn, Sharing::kNeighbours}) {
      const Form form{kernel, sharing, 12};
      const auto splats = patch_splats({"", 3, 4, 3, 16, form, {0.125, 0, 1}});
      const int before = at::get_num_threads();
      std::vector<at::Tensor> pictures, gradients;
      for (const int threads : {1, 2, 5}) {
        at::set_num_threads(threads);
        auto leaf = splats.clone().requires_grad_(true);
        const auto picture = patches::render(leaf, form, Mode::fused);
        picture.square().sum().backward();
        pictures.push_back(picture.detach());
        gradients.push_back(leaf.grad());
      }
      at::set_num_threads(before);
      for (std::size_t i = 1; i < pictures.size(); ++i) {
        EXPECT_TRUE(at::equal(pictures[i], pictures[0]));
        EXPECT_TRUE(at::equal(gradients[i], gradients[0]));
      }
      // And without a gradient.
      EXPECT_TRUE(at::equal(patches::render(splats, form, Mode::fused), pictures[0]));
    }
  }
}

/// The same splats at 8 and at 32 pixels a tile: pixels of the small picture lie between the large
/// one's, which are close to them where the kernel is smooth.
TEST(Patches, AnyTileSizeDrawsTheSamePicture) {
  const Form small{Kernel::kExponential, Sharing::kNeighbours, 9};
  const auto splats = patch_splats({"", 1, 2, 3, 8, small, {0.125, -1, 1}});
  const auto coarse = patches::render(splats, small);
  const auto fine = patches::render(splats, {small.kernel, small.sharing, 27});
  // Every third pixel from the second on has the same centre.
  const auto picked = fine.slice(2, 1, 54, 3).slice(3, 1, 81, 3);
  EXPECT_LE(error_of(picked, coarse.to(at::kDouble)), 2e-6);
}

TEST(Patches, NamesNumbersThatItCannotDraw) {
  const auto message = [](int number, double value, Mode mode) -> std::string {
    auto splats = patch_splats({"", 2, 2, 3, 4, {}});
    splats[1][0][2][3][number].fill_(value);
    try {
      patches::render(splats, {}, mode);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  for (const auto mode : {Mode::fused, Mode::eager}) {
    EXPECT_EQ(message(2, NAN, mode),
              "splats: expected finite numbers of -1e6 to 1e6, got nan as number 2 of splat 3 of "
              "tile (0, 2) of picture 1");
    EXPECT_EQ(message(8, -INFINITY, mode),
              "splats: expected finite numbers of -1e6 to 1e6, got -inf as number 8 of splat 3 of "
              "tile (0, 2) of picture 1");
    EXPECT_EQ(message(4, 1.5, mode),
              "splats: expected correlations of -1 to 1, got 1.5 as number 4 of splat 3 of tile "
              "(0, 2) of picture 1");
    EXPECT_NE(message(0, 2e6, mode), "");
    EXPECT_EQ(message(4, -1, mode), "");
  }
}

TEST(Patches, RefusesWhatItCannotDraw) {
  const auto good = at::zeros({1, 2, 2, 3, 9});
  EXPECT_THROW(patches::render(at::Tensor(), {}), UsageError);
  EXPECT_THROW(patches::render(good[0], {}), UsageError);
  EXPECT_THROW(patches::render(good.narrow(3, 0, 0), {}), UsageError);
  EXPECT_THROW(patches::render(good.narrow(4, 0, 8), {}), UsageError);
  EXPECT_THROW(patches::render(good, {.tile = 0}), UsageError);
  EXPECT_THROW(patches::render(good, {.tile = 32769}), UsageError);
  EXPECT_THROW(patches::render(good.to(at::kHalf), {}), UsageError);
  EXPECT_THROW(patches::render(good.to(at::kDouble), {}, Mode::fused), UsageError);
  EXPECT_EQ(patches::grid_of(64, 96, 8).columns, 12);
  EXPECT_THROW(patches::grid_of(65, 64, 8), UsageError);
  EXPECT_THROW(patches::grid_of(64, 60, 8), UsageError);
  EXPECT_THROW(patches::grid_of(64, 64, 0), UsageError);
  // Splats on the CPU, or a build without CUDA.
  EXPECT_THROW(patches::render(good, {}, Mode::cuda), UsageError);
  EXPECT_EQ(patches::mode_from_name("cuda"), Mode::cuda);
  EXPECT_THROW(patches::mode_from_name("fast"), UsageError);
  EXPECT_EQ(patches::kernel_from_name("sharp-post"), Kernel::kSharpPost);
  EXPECT_THROW(patches::kernel_from_name("soft"), UsageError);
}

}  // namespace
}  // namespace neurosplat
