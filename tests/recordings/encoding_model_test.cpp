#include "neurosplat/recordings/encoding_model.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

namespace neurosplat {
namespace {

/// Ten movies of twenty pictures, eight features, units that follow them.
struct Session {
  at::Tensor features, responses, movie, fold;

  Session() {
    const auto generator = at::detail::createCPUGenerator(7);
    features = at::randn({200, 8}, generator).to(at::kDouble);
    responses = at::mm(features, at::randn({8, 4}, generator).to(at::kDouble));
    movie = at::arange(10, at::kLong).repeat_interleave(20);
    fold = movie.remainder(5);
  }
};

TEST(EncodingModel, WhatIsLinearIsForetold) {
  const Session session;
  const auto foretold =
      foretell({"linear", session.features}, session.responses, session.movie, session.fold);
  // The least penalty, .01, takes a hundredth.
  EXPECT_LT((foretold - session.responses).norm().item<double>(),
            0.02 * session.responses.norm().item<double>());
  const MeanResponses responses{session.responses, at::zeros({200, 4}, at::kDouble),
                                at::ones({200, 4}, at::kLong)};
  EXPECT_GT(correlation_within(foretold, responses, session.fold).min().item<double>(), 0.999);
}

/// A fold's own responses are nowhere in what it is foretold by.
TEST(EncodingModel, NothingOfAFoldIsSeen) {
  const Session session;
  for (const bool nonlinear : {false, true}) {
    const EncodingFeatures model{"linear", session.features, nonlinear};
    const auto before = foretell(model, session.responses, session.movie, session.fold);
    auto changed = session.responses.clone();
    const auto own = session.fold.eq(2).nonzero().flatten();
    changed.index_fill_(0, own, 100);
    const auto after = foretell(model, changed, session.movie, session.fold);
    EXPECT_TRUE(after.index_select(0, own).equal(before.index_select(0, own)));
    EXPECT_FALSE(after.equal(before));
  }
}

TEST(EncodingModel, TheMeanHasNoCorrelationWithinFolds) {
  const Session session;
  const auto foretold = foretell({"mean", {}}, session.responses, session.movie, session.fold);
  EXPECT_TRUE(foretold[0].allclose(
      session.responses.index_select(0, session.fold.ne(0).nonzero().flatten()).mean(0)));
  const MeanResponses responses{session.responses, at::zeros({200, 4}, at::kDouble),
                                at::ones({200, 4}, at::kLong)};
  EXPECT_EQ(correlation_within(foretold, responses, session.fold).abs().max().item<double>(), 0);
}

TEST(EncodingModel, GreyPixels) {
  auto pictures = at::zeros({1, 3, 64, 64}, at::kByte);
  pictures[0][1].fill_(255);
  const auto pixels = grey_pixels(pictures, 16);
  EXPECT_EQ(pixels.sizes(), at::IntArrayRef({1, 256}));
  EXPECT_TRUE(pixels.allclose(at::full({1, 256}, 1.0 / 3)));
}

}  // namespace
}  // namespace neurosplat
