#include "systems/waveform/waveform_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

namespace neurosplat {
namespace {

at::Tensor numbers(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

TEST(WaveformScores, RetrievalAndTwoWay) {
  const auto pictures = at::eye(4);
  const auto number = numbers({10, 11, 12, 13});
  EXPECT_EQ(retrieval_top1(pictures, pictures, number), 1);
  EXPECT_EQ(two_way(pictures, pictures, number), 1);
  // Two of four are taken for each other; each of these beats the other two pictures, ties there.
  const auto swapped = pictures.index_select(0, numbers({1, 0, 2, 3}));
  EXPECT_EQ(retrieval_top1(swapped, pictures, number), 0.5);
  // Of 12 pairs: the right ones win 6; a swapped one loses one and ties two.
  EXPECT_NEAR(two_way(swapped, pictures, number), (6 + 2 * 2 * 0.5) / 12, 1e-12);
}

TEST(WaveformScores, RepeatsOfAPictureAreOne) {
  const auto latents = at::eye(3).index_select(0, numbers({0, 0, 1, 2, 2}));
  const auto number = numbers({5, 5, 9, 7, 7});
  EXPECT_EQ(retrieval_top1(latents, latents, number), 1);
  EXPECT_EQ(two_way(latents, latents, number), 1);
  const auto other = other_pictures_rows(latents, number, 1);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ((other[i] * latents[i]).sum().item<double>(), 0);
}

TEST(WaveformScores, PermutationP) {
  const auto generator = at::detail::createCPUGenerator(2);
  const auto pictures = at::rand({40, 3, 16, 16}, generator);
  const auto number = at::arange(40, at::kLong);
  EXPECT_NEAR(permutation_p(pictures, pictures, number, 199, 1), 1.0 / 200, 1e-12);
  // Nothing to do with the pictures: p is uniform. Of 60 seeds, below .05: 3 expected; 10 or more
  // have a probability of .0008.
  int below = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto drawn =
        at::rand({40, 3, 16, 16}, at::detail::createCPUGenerator(100 + seed), at::kFloat);
    if (permutation_p(drawn, pictures, number, 199, seed) < 0.05) ++below;
  }
  EXPECT_LT(below, 10);
  // One picture for all has the same error in every order.
  EXPECT_EQ(permutation_p(at::full({40, 3, 16, 16}, 0.5), pictures, number, 99, 1), 1);
}

TEST(WaveformScores, Pictures) {
  const auto pictures = at::rand({3, 3, 16, 16}, at::detail::createCPUGenerator(2));
  const auto found = score_pictures(pictures + 0.1, pictures);
  EXPECT_NEAR(found.psnr_db, 20, 1e-4);
  EXPECT_NEAR(found.mse, 0.01, 1e-6);
  EXPECT_NEAR(score_pictures(pictures, pictures).ssim, 1, 1e-6);
}

TEST(WaveformScores, DrawsInBatchesAsOneByOne) {
  const WaveformAutoencoder model(
      {.image_size = 16, .latent = 8, .electrodes = 2, .samples = 16, .width = 8}, 3);
  const auto generator = at::detail::createCPUGenerator(2);
  const auto pictures = at::rand({70, 3, 16, 16}, generator);
  const auto recorded = at::randint(-90, 90, {70, 2, 16}, generator, at::kChar);
  const auto all = draw_responses(model, pictures, recorded, 0, 1);
  const auto last =
      draw_responses(model, pictures.narrow(0, 69, 1), recorded.narrow(0, 69, 1), 0, 1);
  EXPECT_EQ(all.real.size(0), 70);
  EXPECT_TRUE(all.real.narrow(0, 69, 1).allclose(last.real, 1e-4, 1e-5));
  EXPECT_TRUE(all.synthetic.narrow(0, 69, 1).allclose(last.synthetic, 1e-4, 1e-5));
  EXPECT_FALSE(draw_responses(model, pictures, recorded, 0.5, 1).synthetic.equal(all.synthetic));
}

}  // namespace
}  // namespace neurosplat
