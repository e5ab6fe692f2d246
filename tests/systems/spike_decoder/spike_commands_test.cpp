// The spike decoder's programs as a user meets them, on a session that they make themselves.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using Json = nlohmann::json;

class SpikeCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<testing::TemporaryFolder>();
    const auto made =
        run("neurosplat-sample",
            {"spike-session", "--count", "30", "--units", "8", "--repeats", "6", "--image-size",
             "32", "--out", path("session.nwb"), "--pictures-out", path("pictures")});
    ASSERT_EQ(made.status, 0) << made.errors;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }

  static testing::Finished run(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), testing::program(program));
    return testing::run_command(arguments);
  }

  /// With the session that was made.
  static testing::Finished on_session(const std::string& program, const std::string& command,
                                      std::vector<std::string> more) {
    more.insert(more.begin(), {command, "--data", path("session.nwb"), "--pictures",
                               path("pictures"), "--image-size", "32", "--threads", "1"});
    return run(program, more);
  }

  static Json metrics(const std::string& folder) {
    std::ifstream in(path(folder) + "/metrics.json");
    return Json::parse(in);
  }

  static void expect_refusal(const testing::Finished& finished, int status,
                             const std::vector<std::string>& parts) {
    EXPECT_EQ(finished.status, status) << finished.errors;
    for (const auto& part : parts) {
      EXPECT_NE(finished.errors.find(part), std::string::npos) << part << ": " << finished.errors;
    }
  }

  static std::unique_ptr<testing::TemporaryFolder> folder_;
};
std::unique_ptr<testing::TemporaryFolder> SpikeCommands::folder_;

TEST_F(SpikeCommands, UnitsOfAFile) {
  const auto told = run("neurosplat-evaluate",
                        {"spike-units", "--nwb", path("session.nwb"), "--out", path("units")});
  ASSERT_EQ(told.status, 0) << told.errors;
  const auto results = metrics("units").at("results");
  EXPECT_EQ(results.at("units"), 6 * 8 + 30 + 1);
  EXPECT_EQ(results.at("units_that_pass_the_filters"), 6 * 8);
  std::uint64_t spikes = 0;
  for (const auto& row : results.at("rows")) spikes += row.at("spikes").get<std::uint64_t>();
  EXPECT_EQ(results.at("spikes"), spikes);
  EXPECT_GT(results.at("duration_s").get<double>(), 30 * 6 * 0.25);
  expect_refusal(run("neurosplat-evaluate", {"spike-units", "--nwb", path("pictures")}), 1, {});
  expect_refusal(run("neurosplat-evaluate", {"spike-units"}), 2, {"nwb: expected"});
}

TEST_F(SpikeCommands, DecodedBesideItsFloors) {
  const auto run = on_session(
      "neurosplat-evaluate", "spike-decoding",
      {"--latents", "pixels", "--features", "none", "--shuffles", "99", "--out", path("decoding")});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto results = metrics("decoding").at("results");
  for (const char* key : {"pixcorr_mean", "ssim_mean", "two_way_pixels", "identification_top1"}) {
    const double value = results.at(key).get<double>();
    EXPECT_LE(results.at(std::string(key) + "_low").get<double>(), value) << key;
    EXPECT_GE(results.at(std::string(key) + "_high").get<double>(), value) << key;
  }
  EXPECT_NEAR(results.at("chance").get<double>(), 1.0 / 6, 1e-9);
  const auto& rows = results.at("rows");
  const auto row = [&](const std::string& name) {
    for (const auto& each : rows) {
      if (each.at("row") == name) return each;
    }
    ADD_FAILURE() << "no row " << name;
    return Json();
  };
  EXPECT_FALSE(row("mean picture").contains("identification_top1"));
  EXPECT_EQ(row("pixels, ceiling").at("identification_top1"), 1);
  EXPECT_LE(row("pixels").at("permutation_p").get<double>(), 0.02);
  EXPECT_GT(row("shuffled spikes").at("permutation_p").get<double>(), 0.02);
  EXPECT_GT(row("noise spikes").at("permutation_p").get<double>(), 0.02);
  // The published protocol finds as much where nothing is.
  EXPECT_GT(row("published, shuffled spikes").at("two_way_deviation").get<double>(), 0.6);
  EXPECT_GT(read_picture(path("decoding") + "/decoded.png").size(1), 10 * 32);
}

TEST_F(SpikeCommands, AreasUnitsAndPenalties) {
  const auto run = on_session("neurosplat-evaluate", "spike-areas",
                              {"--shuffles", "19", "--draws", "1", "--out", path("areas")});
  ASSERT_EQ(run.status, 0) << run.errors;
  std::map<std::string, int> parts;
  const auto rows = metrics("areas").at("results").at("rows");
  for (const auto& row : rows) ++parts[row.at("part").get<std::string>()];
  EXPECT_EQ(parts.at("all"), 1);
  EXPECT_EQ(parts.at("known"), 2 * 7);
  EXPECT_EQ(parts.at("area"), 6);
  EXPECT_EQ(parts.at("equal"), 6);
  EXPECT_EQ(parts.at("pair"), 15);
  EXPECT_EQ(parts.at("penalty"), 8);
  EXPECT_EQ(parts.at("units"), 3);    // 5, 10 and 20 of 48
  EXPECT_EQ(parts.at("repeats"), 3);  // 1, 2 and 5 of 6
}

TEST_F(SpikeCommands, TheOtherDirection) {
  const auto run = on_session("neurosplat-evaluate", "spike-encoding", {"--out", path("encoding")});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto rows = metrics("encoding").at("results").at("rows");
  EXPECT_EQ(rows.size(), 7U * 3);
  for (const auto& row : rows) {
    if (row.at("model") != "gabor" || row.at("area") != "all") continue;
    EXPECT_GT(row.at("identification_top1").get<double>(), row.at("chance").get<double>());
    EXPECT_LE(row.at("correlation_median").get<double>(), 1);
    EXPECT_GT(row.at("correlation_ceiling_median").get<double>(), 0.3);
  }
}

TEST_F(SpikeCommands, ADecoderIsKeptAndDecodes) {
  const auto trained = on_session("neurosplat-train", "spike-decoder",
                                  {"--latents", "pixels", "--fold", "0", "--out", path("decoder")});
  ASSERT_EQ(trained.status, 0) << trained.errors;
  const auto decode = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", path("decoder")});
    return on_session("neurosplat-sample", "spike-decoder", more);
  };
  const auto decoded = decode({"--out", path("decoded.png"), "--pictures-out", path("decoded")});
  ASSERT_EQ(decoded.status, 0) << decoded.errors;
  EXPECT_NE(decoded.output.find("6 pictures"), std::string::npos) << decoded.output;
  EXPECT_TRUE(std::filesystem::exists(path("decoded") + "/sample_00005.png"));
  EXPECT_EQ(decoded.errors.find("other pictures"), std::string::npos) << decoded.errors;
  // Of another session nothing is known to be held out.
  const auto other =
      run("neurosplat-sample", {"spike-decoder", "--model", path("decoder"), "--image-size", "32",
                                "--count", "30", "--units", "8", "--repeats", "6", "--session-seed",
                                "1", "--out", path("elsewhere.png")});
  ASSERT_EQ(other.status, 0) << other.errors;
  EXPECT_NE(other.errors.find("other pictures"), std::string::npos) << other.errors;
  EXPECT_NE(other.output.find("30 pictures"), std::string::npos) << other.output;
  expect_refusal(decode({"--out", path("decoded.png")}), 2, {"decoded.png", "--overwrite"});
  expect_refusal(decode({"--out", path("other.png"), "--areas", "VISp"}), 1,
                 {"responses of 48 units"});
  expect_refusal(decode({"--out", path("other.png"), "--latents", path("session.nwb")}), 1, {});
}

/// A latent model is an input: not even --overwrite puts a picture in its place.
TEST_F(SpikeCommands, WhatDrawsIsNotWrittenOver) {
  std::ofstream(path("network.pt")) << "a user's";
  const auto name = "script:" + path("network.pt");
  const auto trained = on_session("neurosplat-train", "spike-decoder",
                                  {"--latents", "pixels", "--out", path("kept")});
  ASSERT_EQ(trained.status, 0) << trained.errors;
  expect_refusal(on_session("neurosplat-sample", "spike-decoder",
                            {"--model", path("kept"), "--latents", name, "--out",
                             path("network.pt"), "--overwrite"}),
                 2, {"network.pt"});
  std::ifstream in(path("network.pt"));
  std::string kept;
  std::getline(in, kept);
  EXPECT_EQ(kept, "a user's");
}

TEST_F(SpikeCommands, ARecordingIsReplayed) {
  const auto played =
      run("neurosplat-live", {"replay", "--data", path("session.nwb"), "--pictures",
                              path("pictures"), "--frames", "2", "--headless", "--threads", "1",
                              "--metrics", path("replay.csv"), "--out", path("replay")});
  ASSERT_EQ(played.status, 0) << played.errors;
  std::ifstream in(path("replay.csv"));
  std::string header, line;
  std::getline(in, header);
  EXPECT_EQ(header, "frame,latency_ms,prior_psnr_db,percept_psnr_db,locked_psnr_db,dropped");
  int lines = 0;
  while (std::getline(in, line)) ++lines;
  EXPECT_EQ(lines, 2);
}

TEST_F(SpikeCommands, RefusesWhatCannotBe) {
  const auto refuse = [](int status, const std::vector<std::string>& arguments,
                         const std::vector<std::string>& parts) {
    std::vector<std::string> all = {"spike-decoding", "--latents",  "pixels", "--out",
                                    path("refused"),  "--features", "none"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    expect_refusal(run("neurosplat-evaluate", all), status, parts);
  };
  const auto session = path("session.nwb"), pictures = path("pictures");
  refuse(2, {"--data", session}, {"pictures: expected"});
  refuse(1, {"--data", session, "--pictures", pictures, "--presentations", "movies"},
         {"session.nwb", "movies"});
  refuse(1, {"--data", session, "--pictures", pictures, "--areas", "V4"}, {"V4"});
  refuse(2, {"--from-ms", "250", "--to-ms", "100"}, {"from-ms"});
  refuse(2, {"--shuffles", "3"}, {"shuffles"});
  refuse(2, {"--count", "4"}, {"count"});
  refuse(1, {"--data", path("none.nwb"), "--pictures", pictures}, {"none.nwb"});
  std::ofstream(path("cut.nwb"), std::ios::binary)
      << std::ifstream(session, std::ios::binary).rdbuf();
  std::filesystem::resize_file(path("cut.nwb"), std::filesystem::file_size(session) / 2);
  refuse(1, {"--data", path("cut.nwb"), "--pictures", pictures}, {"cut.nwb"});
  std::ofstream(path("counts.csv")) << "1,2\n3,4\n5,6\n";
  std::ofstream(path("trials.csv")) << "trial,picture\n0,0\n1,1\n2,2\n";
  std::filesystem::create_directory(path("three"));
  for (const char* name : {"picture_00000.png", "picture_00001.png", "picture_00002.png"}) {
    std::filesystem::copy_file(pictures + "/" + name, path("three") + "/" + name);
  }
  refuse(
      1,
      {"--data", path("counts.csv"), "--trials", path("trials.csv"), "--pictures", path("three")},
      {"one for each fold", "got 3"});
  refuse(1, {"--data", path("counts.csv"), "--trials", path("trials.csv"), "--pictures", pictures},
         {"expected a picture for each of 3"});
}

}  // namespace
}  // namespace neurosplat
