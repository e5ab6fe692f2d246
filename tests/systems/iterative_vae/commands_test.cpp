// The commands of iterative VAEs as a user meets them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/frame_source.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/iterative_vae/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

class IterativeVaeCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<Gabor> gabors;
    for (const double degrees : {0.0, 40.0, 90.0, 130.0}) {
      gabors.push_back(testing::striped_at(degrees));
    }
    save_iterative_vae(folder_ / "model.safetensors",
                       testing::planted(testing::columns_of(gabors)));
    save_iterative_vae(folder_ / "mlp.safetensors", IterativeVae({.decoder = "mlp", .latents = 4}));
    save_iterative_vae(folder_ / "gaussian.safetensors",
                       IterativeVae({.model = "gaussian", .latents = 4}));
    save_iterative_vae(folder_ / "oblong.safetensors", IterativeVae({.pixels = 24, .latents = 4}));
    write_safetensors(folder_ / "other.safetensors",
                      {{{"weight", at::eye(3)}}, {{"model", "koopman"}}});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Finished call(const std::string& program, const std::string& command,
                const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program(program), command, "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }
  Finished evaluate(const std::string& command, const std::string& model,
                    const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"--model", path(model), "--out", path("out")};
    all.insert(all.end(), more.begin(), more.end());
    return call("neurosplat-evaluate", command, all);
  }

  static void expect_refusal(const Finished& run, int status, const std::string& part) {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
  }

  nlohmann::json results() const {
    std::ifstream in(folder_ / "out" / "metrics.json");
    return nlohmann::json::parse(in).at("results");
  }

  std::vector<std::string> lines_of(const std::string& name) const {
    std::ifstream in(folder_ / name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  testing::TemporaryFolder folder_;
};

const std::vector<std::string> kShortBars = {"--angles",        "12", "--blank-frames", "40",
                                             "--moving-frames", "80", "--movie-frames", "9"};

TEST_F(IterativeVaeCommands, BarsFindAPlantedOrientation) {
  auto options = kShortBars;
  options.insert(options.end(), {"--neuron", "2"});
  const auto run = evaluate("ivae-bars", "model.safetensors", options);
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto found = results();
  EXPECT_EQ(found.at("neuron"), 2);
  EXPECT_NEAR(found.at("preferred_orientation_deg").get<double>(), 90.0, 12.0);
  EXPECT_NEAR(found.at("column_stripes_deg").get<double>(), 90.0, 3.0);
  EXPECT_GT(found.at("orientation_selectivity").get<double>(), 0.3);
  EXPECT_EQ(found.at("share_silent"), 0.0);
  EXPECT_EQ(read_picture(folder_ / "out" / "bars.png").size(0), 3);
  EXPECT_EQ(lines_of("out/trace.csv").size(), 121U);
  // Nine frames of 70 / 0.845 ms at 48 kHz, two bytes a sample, after the header.
  EXPECT_NEAR(static_cast<double>(fs::file_size(folder_ / "out" / "spikes.wav")),
              44.0 + 9 * 0.070 / 0.845 * 48'000 * 2, 64.0);
  const auto movie = open_frame_source(path("out/bars.mp4"));
  int frames = 0;
  while (movie->next()) ++frames;
  EXPECT_EQ(frames, 9);
  expect_refusal(evaluate("ivae-bars", "model.safetensors", options), 2, "is there already");
}

TEST_F(IterativeVaeCommands, BarsChooseANeuronAndWriteAFolder) {
  auto options = kShortBars;
  options.insert(options.end(), {"--movie", path("frames")});
  const auto run = evaluate("ivae-bars", "model.safetensors", options);
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_GT(results().at("column_gabor_r2").get<double>(), 0.8);
  EXPECT_TRUE(fs::exists(folder_ / "frames" / "frame_000009.png"));
  EXPECT_FALSE(fs::exists(folder_ / "out" / "bars.mp4"));
  expect_refusal(evaluate("ivae-bars", "model.safetensors", {"--overwrite", "--neuron", "4"}), 2,
                 "neuron: expected 0 to 3");
}

TEST_F(IterativeVaeCommands, DictionaryFindsGabors) {
  const auto run = evaluate("ivae-dictionary", "model.safetensors", {});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(results().at("share_gabor"), 1.0);
  EXPECT_EQ(read_picture(folder_ / "out" / "dictionary.png").size(0), 3);
  EXPECT_EQ(lines_of("out/gabors.csv").size(), 5U);
  const auto sorted =
      evaluate("ivae-dictionary", "model.safetensors",
               {"--dataset", "synthetic", "--patches", "20", "--steps", "5", "--overwrite"});
  ASSERT_EQ(sorted.status, 0) << sorted.errors;
  EXPECT_NE(lines_of("out/gabors.csv").at(0).find("log_rate"), std::string::npos);
}

TEST_F(IterativeVaeCommands, NoiseFindsColumns) {
  const auto run = evaluate("ivae-sta", "model.safetensors",
                            {"--lags", "6", "--warm-up", "6", "--trials", "4", "--batch", "64",
                             "--frames", "40", "--neurons", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_GT(results().at("median_correlation").get<double>(), 0.7);
  EXPECT_EQ(results().at("rows").size(), 3U);
  EXPECT_EQ(read_picture(folder_ / "out" / "sta.png").size(0), 3);
}

TEST_F(IterativeVaeCommands, SamplesComeOnASheet) {
  const auto sample = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> all = {"--model", path(model), "--out", path("samples.png")};
    all.insert(all.end(), more.begin(), more.end());
    return call("neurosplat-sample", "iterative-vae", all);
  };
  const auto run = sample("model.safetensors", {"--count", "6", "--columns", "3"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(read_picture(folder_ / "samples.png").sizes(), at::IntArrayRef({3, 102, 152}));
  expect_refusal(sample("model.safetensors", {}), 2, "is there already");
  EXPECT_EQ(sample("mlp.safetensors", {"--overwrite"}).status, 0);
  expect_refusal(sample("other.safetensors", {"--overwrite"}), 1, "koopman");
  expect_refusal(sample("oblong.safetensors", {"--overwrite"}), 2, "square");
  expect_refusal(sample("model.safetensors", {"--overwrite", "--count", "0"}), 2, "count");
  expect_refusal(sample("model.safetensors", {"--overwrite", "--range", "x"}), 2, "range");
  expect_refusal(sample("model.safetensors", {"--overwrite", "--seed", "-1"}), 2, "seed");
}

TEST_F(IterativeVaeCommands, LiveInfersAVideo) {
  const auto sink = open_frame_sink(folder_ / "video.mp4", 25.0);
  for (int frame = 0; frame < 4; ++frame) {
    const auto x = at::linspace(0.0, 9.0, 80).view({1, 1, 80});
    const auto y = at::linspace(0.0, 7.0, 60).view({1, 60, 1});
    sink->write((0.5 + 0.4 * at::sin(x + 0.2 * frame) * at::cos(y)).expand({3, 60, 80}));
  }
  sink->close();
  const auto live = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> all = {"--headless", "--model", path(model), "--source",
                                    path("video.mp4")};
    all.insert(all.end(), more.begin(), more.end());
    return call("neurosplat-live", "infer", all);
  };
  const auto run =
      live("model.safetensors", {"--size", "64", "--steps", "2", "--out", path("panels"),
                                 "--metrics", path("frames.csv"), "--signal", path("spikes.csv")});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_TRUE(run.output.starts_with("4 frames, ")) << run.output;
  EXPECT_NE(run.output.find(", R2 "), std::string::npos) << run.output;
  EXPECT_EQ(read_picture(folder_ / "panels" / "frame_000004.png").sizes(),
            at::IntArrayRef({3, 276, 1036}));
  const auto lines = lines_of("frames.csv");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "frame,latency_ms,r2,zeros,rate,dropped");
  const auto spikes = lines_of("spikes.csv");
  ASSERT_GT(spikes.size(), 10U);
  EXPECT_EQ(spikes[0], "time_s,patch,neuron,activity");
  expect_refusal(live("model.safetensors", {"--signal", path("spikes.csv")}), 2, "signal");
  EXPECT_EQ(live("gaussian.safetensors", {"--size", "32"}).status, 0);
  expect_refusal(live("model.safetensors", {"--size", "100"}), 2, "multiple of the 16");
  expect_refusal(live("other.safetensors", {}), 1, "koopman");
  expect_refusal(live("oblong.safetensors", {}), 2, "square");
}

TEST_F(IterativeVaeCommands, LiveSmokeSaysThatItWorked) {
  for (const auto& options : std::vector<std::vector<std::string>>{{}, {"--guard"}}) {
    std::vector<std::string> all = {"--smoke"};
    all.insert(all.end(), options.begin(), options.end());
    const auto run = call("neurosplat-live", "infer", all);
    EXPECT_EQ(run.status, 0) << run.errors;
    EXPECT_TRUE(run.output.starts_with("smoke: ok, 3 frames, ")) << run.output;
  }
}

TEST_F(IterativeVaeCommands, EvaluationsRefuseOtherModels) {
  for (const char* command : {"ivae-bars", "ivae-dictionary", "ivae-sta"}) {
    expect_refusal(evaluate(command, "other.safetensors", {}), 1, "koopman");
    expect_refusal(evaluate(command, "mlp.safetensors", {}), 2, "linear decoder");
    expect_refusal(evaluate(command, "oblong.safetensors", {}), 2, "square");
    expect_refusal(evaluate(command, "absent.safetensors", {}), 1, "absent");
  }
  for (const char* command : {"ivae-bars", "ivae-sta"}) {
    expect_refusal(evaluate(command, "gaussian.safetensors", {}), 2, "spike counts");
  }
  expect_refusal(evaluate("ivae-bars", "model.safetensors", {"--angles", "2"}), 2, "angles");
  expect_refusal(evaluate("ivae-bars", "model.safetensors", {"--movie", path("x.avi")}), 2,
                 "x.avi");
  expect_refusal(evaluate("ivae-sta", "model.safetensors", {"--trials", "0"}), 2, "trials");
  expect_refusal(evaluate("ivae-dictionary", "model.safetensors", {"--steps", "0"}), 2, "steps");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

}  // namespace
}  // namespace neurosplat
