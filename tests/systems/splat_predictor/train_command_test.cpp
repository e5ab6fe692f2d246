// neurosplat-train splat-predictor as a user meets it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/frame_sink.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

at::Tensor picture(int frame) {
  const auto x = at::linspace(0.0, 6.0, 40).view({1, 1, 40});
  const auto y = at::linspace(0.0, 5.0, 32).view({1, 32, 1});
  return (0.5 + 0.4 * at::sin(x + 0.3 * frame) * at::cos(y)).expand({3, 32, 40});
}

class Predictor : public ::testing::Test {
 protected:
  Finished train(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-train"), "splat-predictor"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  std::vector<std::string> tiny(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"--image_size", "16", "--num_packets", "9",   "--latent", "6",
                                    "--batch",      "4",  "--epochs",      "1",   "--device", "cpu",
                                    "--threads",    "1",  "--w_pred",      "1.5", "--w_lin",  "0.4",
                                    "--stride",     "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  void expect_refusal(const Finished& run, int status, const std::string& part) const {
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
    const auto first = run.errors.find("error: ");
    ASSERT_NE(first, std::string::npos) << run.errors;
    EXPECT_EQ(run.errors.find('\n', first), run.errors.size() - 1) << run.errors;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Predictor, TrainsOnAVideoAndGoesOn) {
  const auto sink = open_frame_sink(folder_ / "video.mp4", 25.0);
  for (int i = 0; i < 14; ++i) sink->write(picture(i));
  sink->close();
  const auto first = train(tiny({"--video", path("video.mp4"), "--out", path("run")}));
  ASSERT_EQ(first.status, 0) << first.errors;
  EXPECT_NE(first.output.find("epoch 1/1: rec 0."), std::string::npos) << first.output;
  EXPECT_EQ(load_splat_vae(folder_ / "run").architecture(), (SplatVaeArchitecture{16, 9, 6}));
  EXPECT_EQ(load_koopman(folder_ / "run").size(0), 6);
  EXPECT_TRUE(fs::exists(folder_ / "run" / "pred_001.png"));
  const auto more = train({"--resume", path("run"), "--epochs", "3"});
  ASSERT_EQ(more.status, 0) << more.errors;
  std::ifstream in(folder_ / "run" / "loss.csv");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 4);
}

TEST_F(Predictor, TrainsOnAFolderOfFrames) {
  fs::create_directory(folder_ / "frames");
  for (int i = 0; i < 9; ++i) write_png(folder_ / "frames" / text("f", i, ".png"), picture(i));
  const auto run = train(tiny({"--frames-dir", path("frames"), "--out", path("run")}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_NE(run.errors.find("9 frames, 6 pairs to train on, 1 held out"), std::string::npos)
      << run.errors;
}

TEST_F(Predictor, RefusesBadUsage) {
  fs::create_directory(folder_ / "frames");
  for (int i = 0; i < 4; ++i) write_png(folder_ / "frames" / text("f", i, ".png"), picture(i));
  const auto frames = path("frames"), out = path("run");
  expect_refusal(train(tiny({"--out", out})), 2, "--video");
  expect_refusal(train(tiny({"--out", out, "--video", "a.mp4", "--frames-dir", frames})), 2,
                 "--video");
  expect_refusal(train(tiny({"--out", out, "--video", frames})), 2, "folder");
  expect_refusal(train(tiny({"--out", out, "--frames-dir", frames, "--w-pred", "-1"})), 2,
                 "w_pred");
  expect_refusal(train(tiny({"--out", out, "--frames-dir", path("absent")})), 1, "absent");
  expect_refusal(train(tiny({"--out", out, "--frames-dir", frames})), 1, "pairs");
  expect_refusal(train(tiny({"--out", frames + "/run", "--frames-dir", frames})), 2, "outside");
  // The other subcommand's name as a value: its options are not looked for.
  std::ofstream(folder_ / "c.json") << R"({"video": "a.mp4", "w_pred": 3})";
  expect_refusal(train({"--out", "splat-vae", "--config", path("c.json")}), 1, "a.mp4");
  EXPECT_FALSE(fs::exists("splat-vae"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

}  // namespace
}  // namespace neurosplat
