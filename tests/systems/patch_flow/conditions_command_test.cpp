// A conditioned flow from `neurosplat-train patch-flow` to `neurosplat-sample patch-flow --like`.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/patch_flow/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

class ConditionedCommands : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  testing::Finished train(const std::string& out, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-train"),
                                    "patch-flow",
                                    "--dataset",
                                    "synthetic",
                                    "--batch",
                                    "32",
                                    "--image-size",
                                    "16",
                                    "--width",
                                    "16",
                                    "--depth",
                                    "1",
                                    "--splats",
                                    "4",
                                    "--held-out-split",
                                    "test",
                                    "--held-out-pictures",
                                    "8",
                                    "--threads",
                                    "1",
                                    "--device",
                                    "cpu",
                                    "--epochs",
                                    "1",
                                    "--max-steps",
                                    "3",
                                    "--out",
                                    path(out)};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  testing::Finished sample(const std::string& model, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-sample"),
                                    "patch-flow",
                                    "--model",
                                    path(model),
                                    "--threads",
                                    "1",
                                    "--steps",
                                    "4",
                                    "--count",
                                    "2"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(ConditionedCommands, TrainFromAnUnconditionedFlowAndSample) {
  const auto plain = train("plain", {});
  ASSERT_EQ(plain.status, 0) << plain.errors;
  const auto conditioned =
      train("told", {"--vision", "thumbnail", "--semantic", "statistics", "--amp", "on", "--resume",
                     path("plain/model.safetensors")});
  ASSERT_EQ(conditioned.status, 0) << conditioned.errors;
  const auto stored = load_patch_flow(folder_ / "told");
  EXPECT_EQ(stored.model.architecture().vision, "thumbnail");
  EXPECT_EQ(stored.model.architecture().semantic, "statistics");
  EXPECT_GT(stored.model.state().at("conditions.semantic.mean").abs().max().item<double>(), 0);

  write_png(folder_ / "red.png", at::tensor({1.0F, 0.0F, 0.0F}).view({3, 1, 1}).expand({3, 9, 9}));
  const auto like = sample("told", {"--like", path("red.png"), "--guidance", "2", "--vision-share",
                                    "0.5", "--out", path("like.png")});
  EXPECT_EQ(like.status, 0) << like.errors;
  EXPECT_EQ(read_picture(folder_ / "like.png").sizes(), at::IntArrayRef({3, 20, 38}));
  EXPECT_EQ(sample("told", {"--out", path("free.png")}).status, 0);

  const auto refused = sample("plain", {"--like", path("red.png"), "--out", path("x.png")});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.errors.find("like: expected a model with conditions"), std::string::npos)
      << refused.errors;
  const auto unguided = sample("told", {"--guidance", "3", "--out", path("x.png")});
  EXPECT_EQ(unguided.status, 2) << unguided.errors;
}

TEST_F(ConditionedCommands, RefuseTheAuthorsNetwork) {
  const auto run = train("author", {"--preset", "author", "--vision", "thumbnail"});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.errors.find("vision: expected none"), std::string::npos) << run.errors;
}

}  // namespace
}  // namespace neurosplat
