#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "apps/programs.h"
#include "neurosplat/io/safetensors.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::expect_refusal;
using testing::program;
using testing::Programs;
using testing::run_command;
using testing::with;

class ResidualDecoder : public Programs {
 protected:
  /// On generated pictures.
  testing::Finished train(const std::string& out, const std::vector<std::string>& more) {
    return run_command(testing::with({program("neurosplat-train"),
                                      "splat-vae",
                                      "--dataset",
                                      "smoke",
                                      "--image-size",
                                      "32",
                                      "--num-packets",
                                      "18",
                                      "--batch",
                                      "64",
                                      "--device",
                                      "cpu",
                                      "--held-out-every",
                                      "0",
                                      "--decoder",
                                      "residual",
                                      "--width",
                                      "32",
                                      "--loss",
                                      "psnr",
                                      "--optimiser",
                                      "adamw",
                                      "--weight-decay",
                                      "0.02",
                                      "--average",
                                      "0.9",
                                      "--augment",
                                      "--lr-warmup",
                                      "2",
                                      "--threads",
                                      "1",
                                      "--out",
                                      (folder / out).string()},
                                     more));
  }

  testing::Finished sample(const std::string& model, const std::string& prior) {
    return run_command({program("neurosplat-sample"), "splat-vae", "--model",
                        (folder / model).string(), "--prior", prior, "--count", "2", "--out",
                        (folder / (model + prior + ".png")).string()});
  }

  std::string table(const std::string& run) {
    std::ifstream in(folder / run / "loss.csv");
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(ResidualDecoder, TrainsSamplesFromItsPriorAndIsRefined) {
  const auto trained = train("run", {"--latent", "3", "--epochs", "1"});
  ASSERT_EQ(trained.status, 0) << trained.errors;
  EXPECT_EQ(sample("run", "fitted").status, 0);
  const auto again = run_command(
      {program("neurosplat-train"), "splat-vae", "--resume", (folder / "run").string()});
  ASSERT_EQ(again.status, 0) << again.errors;
  fs::remove(folder / "runfitted.png");
  EXPECT_EQ(sample("run", "fitted").status, 0) << "the prior is gone from a run with nothing left";
  expect_refusal(sample("run", "flat"), 2, "normal, fitted or flow");
  const auto measured = run_command({program("neurosplat-evaluate"), "reconstruction", "--model",
                                     (folder / "run").string(), "--dataset", "smoke", "--refine",
                                     "3", "--out", (folder / "results").string()});
  ASSERT_EQ(measured.status, 0) << measured.errors;
  std::ifstream in(folder / "results" / "metrics.json");
  const auto results = nlohmann::json::parse(in)["results"];
  EXPECT_GT(results["refined_psnr_mean_db"].get<double>(), results["psnr_mean_db"].get<double>());
}

TEST_F(ResidualDecoder, IsSampledAlongAFlowOfItsLatents) {
  ASSERT_EQ(train("run", {"--latent", "3", "--epochs", "1"}).status, 0);
  expect_refusal(sample("run", "flow"), 1, "expected a flow");
  const auto learn = [&](const std::vector<std::string>& more) {
    return run_command(
        with({program("neurosplat-train"), "latent-flow", "--model", (folder / "run").string(),
              "--batch", "4", "--epochs", "1", "--width", "8", "--depth", "1", "--device", "cpu",
              "--out", (folder / "flow").string()},
             more));
  };
  expect_refusal(learn({"--dataset", "smoke", "--splits", "test"}), 2,
                 "that the model was trained on");
  const auto run = (folder / "run").string();
  expect_refusal(run_command({program("neurosplat-train"), "latent-flow", "--model", run, "--out",
                              run, "--overwrite"}),
                 2, "another folder than the model's");
  const auto learned = learn({});
  ASSERT_EQ(learned.status, 0) << learned.errors;
  EXPECT_EQ(sample("flow", "flow").status, 0);
  const auto vae = read_safetensors(folder / "run" / "model.safetensors");
  const auto flow = read_safetensors(folder / "flow" / "model.safetensors");
  for (const char* key : {"dataset", "splits", "split_seed", "list_hash", "epoch"}) {
    EXPECT_EQ(flow.metadata.at(key), vae.metadata.at(key));
  }
  for (const auto& [name, tensor] : vae.tensors) {
    EXPECT_TRUE(flow.tensors.at(name).equal(tensor)) << name;
  }
}

// The pictures are fewer than the numbers.
TEST_F(ResidualDecoder, KeepsNoPriorOfTooFewPictures) {
  const auto trained = train("run", {"--latent", "600", "--epochs", "1"});
  ASSERT_EQ(trained.status, 0) << trained.errors;
  EXPECT_NE(trained.errors.find("no fitted prior"), std::string::npos) << trained.errors;
  expect_refusal(sample("run", "fitted"), 1, "expected a fitted prior");
}

TEST_F(ResidualDecoder, GoesOnExactlyWhereItStood) {
  ASSERT_EQ(train("whole", {"--latent", "3", "--epochs", "2"}).status, 0);
  ASSERT_EQ(train("parts", {"--latent", "3", "--epochs", "1", "--schedule-epochs", "2"}).status, 0);
  const auto resumed = run_command({program("neurosplat-train"), "splat-vae", "--resume",
                                    (folder / "parts").string(), "--epochs", "2"});
  ASSERT_EQ(resumed.status, 0) << resumed.errors;
  EXPECT_EQ(table("parts"), table("whole"));
  EXPECT_EQ(std::ranges::count(table("whole"), '\n'), 3);
}

}  // namespace
}  // namespace neurosplat
