#include "systems/iterative_vae/measured_models.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "neurosplat/core/error.h"
#include "support/temporary_folder.h"
#include "systems/iterative_vae/tiny_model.h"

namespace neurosplat::apps {
namespace {

using neurosplat::testing::tiny_model;
using Description = std::map<std::string, std::string>;

MeasuredModel described(const Description& metadata, std::int64_t pixels = 64) {
  return {
      {tiny_model("poisson", "identity", pixels, 8, 1), "model.safetensors", metadata}, {}, {}, {}};
}

TEST(MeasuredModels, TakePatchesAsTheyWereTrained) {
  const auto model = described({{"dataset", "folder"},
                                {"patches", "1234"},
                                {"validation", "0.125"},
                                {"split_seed", "9"},
                                {"mirrored_filter", "true"}});
  MeasurementOptions options;
  options.data = "pictures";
  auto request = patch_request_of(options, model, "natural");
  EXPECT_EQ(request.dataset, "folder");
  EXPECT_EQ(request.root, "pictures");
  EXPECT_EQ(request.side, 8);
  EXPECT_EQ(request.patches, 1234);
  EXPECT_EQ(request.validation, 0.125);
  EXPECT_EQ(request.seed, 9U);
  EXPECT_TRUE(request.mirrored_filter);

  options.dataset = "synthetic";
  options.patches = 50;
  options.validation = 0.5;
  options.split_seed = 2;
  options.mirrored_filter = false;
  request = patch_request_of(options, model, "natural");
  EXPECT_EQ(request.dataset, "synthetic");
  EXPECT_EQ(request.patches, 50);
  EXPECT_EQ(request.validation, 0.5);
  EXPECT_EQ(request.seed, 2U);
  EXPECT_FALSE(request.mirrored_filter);

  request = patch_request_of({}, described({}), "mnist");
  EXPECT_EQ(request.dataset, "mnist");
  EXPECT_EQ(request.patches, PatchRequest::usual_patches);
  EXPECT_EQ(request.validation, 0.2);
}

TEST(MeasuredModels, DescriptionsThatAreNoNumbersAreRefused) {
  for (const Description& wrong :
       {Description{{"patches", "many"}}, Description{{"patches", "12x"}},
        Description{{"validation", "nan"}}, Description{{"split_seed", ""}},
        Description{{"patches", "99999999999999999999"}}, Description{{"mirrored_filter", "y"}}}) {
    EXPECT_THROW(patch_request_of({}, described(wrong), "natural"), Error) << wrong.begin()->second;
  }
  EXPECT_THROW(patch_request_of({}, described({}, 60), "natural"), Error);  // of no square
  EXPECT_EQ(described({{"beta", "24.5"}}).number("beta"), 24.5);
  EXPECT_EQ(described({}).number("beta"), std::nullopt);
}

TEST(MeasuredModels, InferAsTheyWereTrained) {
  MeasurementOptions options;
  options.steps = 7;
  options.seed = 4;
  const auto run = run_of(options, described({{"n_iters_inner", "3"}, {"beta_inner", "0.5"}}));
  EXPECT_EQ(run.steps, 7);
  EXPECT_EQ(run.seed, 4U);
  EXPECT_EQ(run.inner, 3);
  EXPECT_EQ(run.beta_inner, 0.5);
  EXPECT_EQ(run_of(options, described({})).inner, 1);
  EXPECT_THROW(run_of(options, described({{"n_iters_inner", "99"}})), Error);
  EXPECT_THROW(run_of(options, described({{"beta_inner", "-1"}})), Error);
}

TEST(MeasuredModels, AreNamedByKindAndNumberedAmongTheirOwn) {
  const neurosplat::testing::TemporaryFolder folder;
  MeasurementOptions options;
  options.device = "cpu";
  const auto add = [&](const std::string& latents, const std::string& activation) {
    const auto path = folder / (std::to_string(options.models.size()) + ".safetensors");
    save_iterative_vae(path, tiny_model(latents, activation, 16, 8, 1));
    options.models.push_back(path);
  };
  add("poisson", "identity");
  add("gaussian", "relu");
  add("poisson", "identity");
  add("gaussian", "identity");
  const auto models = load_measured_models(options);
  ASSERT_EQ(models.size(), 4U);
  EXPECT_EQ(models[0].label, "iP");
  EXPECT_EQ(models[1].key, "ig_relu");
  EXPECT_EQ(models[2].label, "iP 2");
  EXPECT_EQ(models[2].key, "ip_2");
  EXPECT_EQ(models[2].kind, "iP");
  EXPECT_NE(models[2].colour, models[0].colour);
  EXPECT_EQ(models[3].label, "iG");
  EXPECT_NE(models[3].colour, models[1].colour);
}

TEST(MeasuredModels, DrawnPatchesAreDifferentOnesInTheirOrder) {
  const auto rows = drawn_patches(100, 30, 5);
  ASSERT_EQ(rows.size(0), 30);
  EXPECT_TRUE((rows.slice(0, 1) > rows.slice(0, 0, 29)).all().item<bool>());
  EXPECT_GE(rows.min().item<std::int64_t>(), 0);
  EXPECT_LT(rows.max().item<std::int64_t>(), 100);
  EXPECT_TRUE(at::equal(rows, drawn_patches(100, 30, 5)));
  EXPECT_FALSE(at::equal(rows, drawn_patches(100, 30, 6)));
  EXPECT_TRUE(at::equal(drawn_patches(7, 0, 5), at::arange(7)));
  EXPECT_TRUE(at::equal(drawn_patches(7, 8, 5), at::arange(7)));
}

}  // namespace
}  // namespace neurosplat::apps
