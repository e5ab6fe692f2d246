#include "neurosplat/systems/cortex/expectation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/gaussian_blur.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

at::Tensor grey(std::int64_t size, double phase = 0.0) {
  return testing::smooth_picture(size, phase)[0].contiguous();
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(Expectation, BlursByFiveUnlessTold) {
  EXPECT_TRUE(blurred_gist()(grey(40)).equal(gaussian_blur(grey(40), 5.0)));
  EXPECT_TRUE(blurred_gist(2.0)(grey(40)).equal(gaussian_blur(grey(40), 2.0)));
}

// At the model's own size nothing is scaled: the gist is the mean of its reconstruction.
TEST(Expectation, ModelGistIsTheReconstructionsBrightness) {
  const at::NoGradGuard no_gradient;
  const auto model = testing::locking_model({32, 24, 8});
  model.train(false);
  const auto frame = grey(32);
  const auto expected = model.reconstruct(frame.expand({1, 3, 32, 32}).contiguous())[0].mean(0);
  const auto gist = model_gist(model);
  EXPECT_LT(difference(gist(frame), expected), 1e-5);
  EXPECT_TRUE(gist(frame).equal(gist(frame)));
  const auto large = gist(grey(100));
  ASSERT_EQ(large.sizes(), at::IntArrayRef({100, 100}));
  EXPECT_LT(std::abs((large.mean() - expected.mean()).item<double>()), 0.05);
}

TEST(Expectation, SamplesFlickerAndFollowTheSeed) {
  const auto model = testing::locking_model({32, 24, 8});
  const auto frame = grey(32);
  const auto gist = model_gist(model, {.sample = true, .seed = 3, .koopman = {}});
  const auto first = gist(frame), second = gist(frame);
  EXPECT_GT(difference(first, second), 1e-4);
  EXPECT_TRUE(model_gist(model, {.sample = true, .seed = 3, .koopman = {}})(frame).equal(first));
}

TEST(Expectation, AppliesTheKoopmanOperatorToTheLatent) {
  const at::NoGradGuard no_gradient;
  const auto model = testing::locking_model({32, 24, 8});
  model.train(false);
  const auto frame = grey(32);
  const auto k = at::linspace(-0.4, 0.6, 64).view({8, 8});
  const auto mean = model.encode(frame.expand({1, 3, 32, 32}).contiguous()).mean;
  const auto moved = at::matmul(k, mean[0]).unsqueeze(0);
  const auto expected = model.draw(model.decode(moved))[0].mean(0);
  const auto gist = model_gist(model, {.sample = false, .seed = 0, .koopman = k});
  EXPECT_LT(difference(gist(frame), expected), 1e-5);
  const auto still = model_gist(model, {.sample = false, .seed = 0, .koopman = at::eye(8)});
  EXPECT_LT(difference(still(frame), model_gist(model)(frame)), 1e-6);
  EXPECT_THROW(model_gist(model, {.sample = false, .seed = 0, .koopman = at::eye(9)}), UsageError);
}

TEST(Expectation, RemembersTheFrameBefore) {
  const auto expect = of_the_frame_before();
  const auto a = grey(40), b = grey(40, 1.0), c = grey(48);
  EXPECT_TRUE(expect(a).equal(gaussian_blur(a, kGistSigma)));
  EXPECT_TRUE(expect(b).equal(a));
  EXPECT_TRUE(expect(c).equal(gaussian_blur(c, kGistSigma)));  // another size: a new start
  EXPECT_TRUE(expect(c).equal(c));
  const auto through = of_the_frame_before(blurred_gist(2.0));
  through(a);
  EXPECT_TRUE(through(b).equal(gaussian_blur(a, 2.0)));
}

}  // namespace
}  // namespace neurosplat
