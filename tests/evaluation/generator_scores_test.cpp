#include "neurosplat/evaluation/generator_scores.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/one_line.h"
#include "neurosplat/core/error.h"
#include "neurosplat/metrics/feature_statistics.h"
#include "neurosplat/metrics/seam_ratio.h"

namespace neurosplat {
namespace {

using testing::one_line_error;

constexpr std::int64_t kSide = 8, kCount = 40;

/// Smooth noise round grey, so that PCA has something to find.
at::Tensor pictures(std::int64_t count, std::uint64_t seed) {
  const auto coarse = at::rand({count, 3, 4, 4}, at::detail::createCPUGenerator(seed), at::kFloat);
  return 0.2 + 0.6 * at::upsample_bilinear2d(coarse, at::IntArrayRef({kSide, kSide}), false);
}

PictureRange range_of(const at::Tensor& all) {
  return [all](std::int64_t first, std::int64_t count) { return all.narrow(0, first, count); };
}

at::Tensor mean_colours(const at::Tensor& of) {
  return of.to(at::kDouble).mean({2, 3});
}
at::Tensor corners(const at::Tensor& of) {
  return of.slice(2, 0, kSide, 4).slice(3, 0, kSide, 4).flatten(1);
}

class GeneratorScoresTest : public ::testing::Test {
 protected:
  GeneratorRequest request(std::vector<SampleSet> sets) const {
    return {.training = training_,
            .held_out = held_out_,
            .sets = std::move(sets),
            .spaces = {{"corners", corners}, {"colours", mean_colours}},
            .has_face =
                [](const at::Tensor& of) {
                  return of.select(1, 0).mean({1, 2}) > 0.5;
                },
            .tile = 4,
            .count = kCount,
            .batch = 7,
            .shown = 3,
            .shown_neighbours = 2};
  }

  at::Tensor training_ = (pictures(90, 1) * 255).round().to(at::kByte);
  at::Tensor held_out_ = pictures(kCount, 2);
  at::Tensor copies_ = training_.narrow(0, 5, kCount).to(at::kFloat) / 255.0;
  at::Tensor others_ = pictures(kCount, 3) * 0.5;
};

TEST_F(GeneratorScoresTest, AreThoseOfEachMeasure) {
  const auto scores =
      score_generators(request({{"others", range_of(others_)}, {"copies", range_of(copies_)}}));
  ASSERT_EQ(scores.rows.size(), 4U);
  EXPECT_EQ(scores.count, kCount);
  EXPECT_EQ(scores.training, 90);
  const auto& floor = scores.rows[0];
  const auto& pca = scores.rows[1];
  const auto& others = scores.rows[2];
  const auto& copies = scores.rows[3];
  EXPECT_EQ(floor.name, "held_out");
  EXPECT_EQ(pca.name, "pca");
  EXPECT_EQ(others.name, "others");
  EXPECT_EQ(copies.name, "copies");
  ASSERT_EQ(others.spaces.size(), 2U);
  EXPECT_EQ(others.spaces[0].name, "corners");
  EXPECT_EQ(others.spaces[1].name, "colours");

  EXPECT_NEAR(others.seam_ratio, seam_ratio(others_, 4), 1e-6);
  EXPECT_NEAR(floor.seam_ratio, seam_ratio(held_out_, 4), 1e-6);
  const auto reds = held_out_.select(1, 0).mean({1, 2});
  EXPECT_NEAR(floor.face_rate, (reds > 0.5).to(at::kDouble).mean().item<double>(), 1e-12);
  EXPECT_EQ(others.face_rate, 0);
  EXPECT_NEAR(copies.nearest_rms, 0, 1e-7);
  EXPECT_GT(floor.nearest_rms, 0.02);
  const auto differences =
      (others_.unsqueeze(1) - training_.to(at::kFloat) / 255.0).square().mean({2, 3, 4}).sqrt();
  EXPECT_NEAR(others.nearest_rms, std::get<0>(differences.min(1)).mean().item<double>(), 1e-6);
  // Half as bright: far from the training pictures, nothing else is.
  for (const std::size_t space : {0U, 1U}) {
    EXPECT_GT(others.spaces[space].frechet_distance, 3 * floor.spaces[space].frechet_distance);
    EXPECT_LT(pca.spaces[space].frechet_distance, 0.5 * others.spaces[space].frechet_distance);
    EXPECT_LT(others.spaces[space].precision, floor.spaces[space].precision);
  }
}

// With as many training pictures as are compared all of them are, in whatever order.
TEST_F(GeneratorScoresTest, CompareWithTheTrainingPictures) {
  training_ = training_.narrow(0, 0, kCount);
  const auto scores = score_generators(request({{"others", range_of(others_)}}));
  const auto real = corners(training_.to(at::kFloat) / 255.0);
  const auto expect = [&](const GeneratorScore& row, const at::Tensor& of) {
    const auto manifolds = precision_recall(real, corners(of));
    EXPECT_NEAR(row.spaces[0].frechet_distance, frechet_distance(real, corners(of)), 1e-9);
    EXPECT_NEAR(row.spaces[0].precision, manifolds.precision, 1e-12);
    EXPECT_NEAR(row.spaces[0].recall, manifolds.recall, 1e-12);
  };
  expect(scores.rows[0], held_out_);
  expect(scores.rows[2], others_);
  EXPECT_EQ(scores.components, kCount - 1);
}

TEST_F(GeneratorScoresTest, HaveKeysOfTheFirstSetBesideTheFloors) {
  auto asked = request({{"others", range_of(others_)}, {"copies", range_of(copies_)}});
  const auto scores = score_generators(asked);
  const auto results = results_of(scores);
  const auto is = [&](const char* key, double value) {
    ASSERT_TRUE(results.contains(key)) << key;
    EXPECT_EQ(results[key].get<double>(), value) << key;
  };
  is("fd_corners", scores.rows[2].spaces[0].frechet_distance);
  is("fd_corners_real_floor", scores.rows[0].spaces[0].frechet_distance);
  is("fd_corners_pca", scores.rows[1].spaces[0].frechet_distance);
  is("fd_colours", scores.rows[2].spaces[1].frechet_distance);
  is("precision", scores.rows[2].spaces[0].precision);
  is("recall", scores.rows[2].spaces[0].recall);
  is("recall_real", scores.rows[0].spaces[0].recall);
  is("cat_face_rate", scores.rows[2].face_rate);
  is("cat_face_rate_real", scores.rows[0].face_rate);
  is("seam_ratio", scores.rows[2].seam_ratio);
  is("seam_ratio_real", scores.rows[0].seam_ratio);
  ASSERT_EQ(results["rows"].size(), 4U);
  EXPECT_EQ(results["rows"][3]["set"], "copies");
  EXPECT_EQ(results["rows"][3]["fd_colours"], scores.rows[3].spaces[1].frechet_distance);
  EXPECT_EQ(results["rows"][3]["precision_corners"], scores.rows[3].spaces[0].precision);

  const auto table = table_of(scores);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 5);
  EXPECT_NE(table.find("FD-corners"), std::string::npos) << table;

  asked.has_face = nullptr;
  asked.sets.clear();
  const auto without = score_generators(asked);
  EXPECT_TRUE(std::isnan(without.rows[0].face_rate));
  EXPECT_FALSE(without.neighbour_sheet.defined());
  EXPECT_EQ(results_of(without)["fd_corners"], results_of(without)["fd_corners_real_floor"]);
}

// A row of training pictures and one for each set, each under a band; samples with their two
// nearest, two groups a row.
TEST_F(GeneratorScoresTest, ShowPicturesAndNeighbours) {
  const auto scores = score_generators(request({{"copies", range_of(copies_)}}));
  constexpr std::int64_t kRow = 20 + kSide + 4;
  ASSERT_EQ(scores.sheet.sizes(), at::IntArrayRef({3, 4 * kRow, 3 * (kSide + 2) + 2}));
  constexpr std::int64_t kGroup = 3 * kSide + 3 * 2 + 1;
  ASSERT_EQ(scores.neighbour_sheet.sizes(),
            at::IntArrayRef({3, 2 * (kSide + 2) + 2, 2 * (kGroup + 2) + 2}));
  const auto part = [&](std::int64_t column) {
    return scores.neighbour_sheet.narrow(1, 2, kSide).narrow(2, 2 + column, kSide);
  };
  EXPECT_LT((part(0) - copies_[0]).abs().max().item<double>(), 1e-6);
  EXPECT_LT((part(kSide + 2 + 1 + 2) - copies_[0]).abs().max().item<double>(), 1e-6);
  EXPECT_GT((part(2 * kSide + 7) - copies_[0]).abs().max().item<double>(), 1e-2);
}

TEST_F(GeneratorScoresTest, DoNotDependOnTheBatch) {
  auto asked = request({{"others", range_of(others_)}});
  const auto some = score_generators(asked).rows;
  asked.batch = 1000;
  const auto all = score_generators(asked).rows;
  for (std::size_t row = 0; row < some.size(); ++row) {
    // Pictures of PCA are products of float32 matrices, which round by their shapes.
    EXPECT_EQ(some[row].face_rate, all[row].face_rate);
    EXPECT_NEAR(some[row].seam_ratio, all[row].seam_ratio, 1e-5);
    EXPECT_NEAR(some[row].nearest_rms, all[row].nearest_rms, 1e-7);
    EXPECT_NEAR(some[row].spaces[0].frechet_distance, all[row].spaces[0].frechet_distance, 1e-5);
  }
}

TEST_F(GeneratorScoresTest, RefuseWhatCannotBeCompared) {
  const auto refused = [&](const auto& change) {
    auto asked = request({{"others", range_of(others_)}});
    change(asked);
    one_line_error([&] { score_generators(asked); });
  };
  refused([](auto& asked) { asked.count = 41; });
  refused([](auto& asked) { asked.count = 7; });
  refused([](auto& asked) { asked.batch = 0; });
  refused([](auto& asked) { asked.tile = 3; });
  refused([](auto& asked) { asked.tile = 8; });
  refused([](auto& asked) { asked.spaces.clear(); });
  refused([](auto& asked) { asked.spaces[1].name = "corners"; });
  refused([](auto& asked) { asked.sets[0].name = "pca"; });
  refused([](auto& asked) { asked.training = asked.training[0]; });
  refused([](auto& asked) { asked.held_out = at::zeros({kCount, 3, kSide + 1, kSide + 1}); });
  refused([](auto& asked) { asked.sets[0].pictures = range_of(at::zeros({kCount, 3, 16, 16})); });
  refused([](auto& asked) {
    asked.has_face = [](const at::Tensor& of) { return of.mean({1, 2, 3}); };
  });
  refused([](auto& asked) { asked.spaces[0].features = [](const at::Tensor& of) { return of; }; });
}

}  // namespace
}  // namespace neurosplat
