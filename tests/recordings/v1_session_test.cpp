#include "neurosplat/recordings/v1_session.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "neurosplat/core/error.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::testing {
namespace {

/// The note of the data names the best session and its units and repeats.
TEST(V1Session, ReadsTheSharedRecordings) {
  const auto root = shared_folder("data/v1-macaque-henaff2021");
  if (!root) GTEST_SKIP() << "SKIPPED: no shared data/v1-macaque-henaff2021";
  EXPECT_EQ(v1_sessions(*root).size(), 9U);
  const auto session = read_v1_session(*root, "ay2_u003", 64);
  EXPECT_EQ(session.counts.sizes(), at::IntArrayRef({400, 39, 50}));
  EXPECT_EQ(session.psth.sizes(), at::IntArrayRef({40, 39, 35}));
  EXPECT_EQ(session.movie.bincount().min().item<int>(), 40);
  EXPECT_EQ(session.movie.bincount().numel(), 10);
  EXPECT_EQ(session.condition.bincount().numel(), 40);
  // sessions.csv: 39 units, mean count 1.8928, largest 71, .0391 missing. It counts synthetic first
  // and last frames too, which are copies.
  const auto there = session.counts.ge(0);
  EXPECT_NEAR(session.counts.masked_select(there).to(at::kDouble).mean().item<double>(), 1.8928,
              0.03);
  EXPECT_EQ(session.counts.max().item<int>(), 71);
  EXPECT_NEAR(1 - there.to(at::kDouble).mean().item<double>(), 0.0391, 0.002);
  EXPECT_NEAR(session.seconds[0].item<double>(), -0.05, 1e-12);
  EXPECT_NEAR(session.seconds[34].item<double>(), 0.29, 1e-12);
  // The 12th picture is the first of the second natural movie at the first scale.
  const auto picture =
      centre_square(read_picture(*root / "stimuli/zoom1x/movie02/natural01.png"), 64);
  EXPECT_LE((session.pictures[11].to(at::kInt) - picture.to(at::kInt)).abs().max().item<int>(), 1);
  // Counts follow pictures: a movie's neighbours have more alike responses than two movies'.
  const auto mean = at::where(there, session.counts.to(at::kFloat), at::zeros({1})).sum(2);
  const auto neighbours = (mean.slice(0, 0, 10) - mean.slice(0, 1, 11)).abs().mean();
  const auto strangers = (mean.slice(0, 0, 10) - mean.slice(0, 100, 110)).abs().mean();
  EXPECT_LT(neighbours.item<double>(), strangers.item<double>());
}

TEST(V1Session, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THROW(v1_sessions(folder.path()), Error);
  EXPECT_THROW(read_v1_session(folder.path(), "ay2_u003", 64), Error);
}

}  // namespace
}  // namespace neurosplat::testing
