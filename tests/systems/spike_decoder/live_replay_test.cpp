#include "neurosplat/systems/spike_decoder/live_replay.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"
#include "systems/spike_decoder/planted.h"

namespace neurosplat {
namespace {

class Replay : public ::testing::Test {
 protected:
  Replay() {
    model_.train(false);
    const auto generator = at::detail::createCPUGenerator(4);
    recorded_ = {at::randint(256, {5, 3, 16, 16}, generator, at::TensorOptions(at::kByte)),
                 at::rand({5, 7}, generator, at::TensorOptions(at::kDouble)),
                 at::randn({5, 3}, generator, at::kFloat)};
  }

  SplatVae model_{{.image_size = 16, .packets = 4, .latent = 3}, 1};
  Replayed recorded_;
};

TEST_F(Replay, PicturesComeInTheirOrder) {
  const auto source = replay_source(recorded_.pictures, 4);
  EXPECT_EQ(source->frame_count(), 5);
  EXPECT_EQ(source->frames_per_second(), 4);
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto frame = source->next();
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->picture.equal(recorded_.pictures[i]));
    EXPECT_EQ(frame->name, std::to_string(i + 1));
  }
  EXPECT_FALSE(source->next());
}

/// The prior is what the spikes' latents draw, whatever the retina sees; the lock is nearer to it.
TEST_F(Replay, ThePriorIsWhatSpikesSay) {
  LiveReplay replay(model_, recorded_, {});
  const auto source = replay_source(recorded_.pictures, 4);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto frame = source->next();
    const auto seen = replay.see(*frame);
    const auto expected = model_.draw(model_.decode(recorded_.latents[i].unsqueeze(0)))[0].detach();
    const auto retina = recorded_.pictures[i].to(at::kFloat) / 255.0;
    EXPECT_TRUE(replay.prior_of(i).allclose(expected, 1e-4, 1e-5));
    ASSERT_EQ(seen.numbers.size(), replay_columns().size());
    EXPECT_NEAR(seen.numbers[0], map_psnr_db(expected, retina), 1e-3);
    EXPECT_GT(seen.numbers[2], seen.numbers[0]);
    EXPECT_EQ(seen.panels.size(0), 3);
    EXPECT_GE(seen.panels.size(2), 3 * 256);
  }
}

TEST_F(Replay, RefusesWhatDoesNotFit) {
  auto other = recorded_;
  other.latents = at::zeros({5, 4});
  EXPECT_THROW(LiveReplay(model_, other, {}), UsageError);
  other = recorded_;
  other.responses = at::zeros({4, 7});
  EXPECT_THROW(LiveReplay(model_, other, {}), UsageError);
  EXPECT_THROW(LiveReplay(model_, recorded_, {.budget_ms = 0, .cortex = {}}), UsageError);
}

}  // namespace
}  // namespace neurosplat
