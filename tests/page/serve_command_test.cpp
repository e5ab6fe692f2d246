// The services as a user starts and ends them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "neurosplat/io/npy_file.h"
#include "neurosplat/io/picture_bytes.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "serving/web_test_client.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

class LiveServe : public ::testing::Test {
 protected:
  void SetUp() override {
    save_waveform_autoencoder(
        folder_ / "model.safetensors",
        WaveformAutoencoder({.image_size = 16, .latent = 4, .electrodes = 2, .width = 8}), {});
  }
  void TearDown() override {
    if (running_.process > 0) stop();
  }

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {
        testing::program("neurosplat-live"),      "serve",     "--model",
        (folder_ / "model.safetensors").string(), "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  /// Starts it and reads the line that says where it listens; the port.
  int start(const std::vector<std::string>& more) {
    running_ = testing::start_piped_command(command(more));
    std::string said;
    for (char c = 0; said.find('\n') == std::string::npos && ::read(running_.reader, &c, 1) == 1;) {
      said += c;
    }
    const std::string beginning = "listening on http://127.0.0.1:";
    EXPECT_TRUE(said.starts_with(beginning)) << said;
    return said.starts_with(beginning) ? std::atoi(said.c_str() + beginning.size()) : 0;
  }
  int stop() {
    ::kill(running_.process, SIGTERM);
    return ended();
  }
  int ended() {
    const int status = testing::wait_for_command(running_.process);
    ::close(running_.reader);
    running_.process = 0;
    return status;
  }

  testing::TemporaryFolder folder_;
  testing::PipedCommand running_ = {};
};

TEST_F(LiveServe, SaysWhereItListensAndEndsWell) {
  const int port = start({"--port", "0"});
  EXPECT_EQ(testing::http_get(port, "/health").status, 200U);
  testing::SocketClient client(port, "/reconstruct");
  client.send(R"({"session_id": "a", "payload": [1, 2, 3, 4]})");
  EXPECT_NE(client.receive()->find("reconstructed_image"), std::string::npos);
  EXPECT_ANY_THROW(testing::SocketClient(port, "/echo"));
  EXPECT_EQ(stop(), 0);
}

/// The relay goes in the middle of a stream and comes back on its port: a watcher is told, comes
/// again and gets what is drawn from then on.
TEST_F(LiveServe, ARestartIsGoodbyeAndAFreshStart) {
  const std::string drawn = R"({"session_id": "a", "payload": [1, 2, 3, 4]})";
  const int port = start({"--port", "0"});
  {
    testing::SocketClient watcher(port, "/frontend/a"), relay(port, "/reconstruct");
    relay.send(drawn);
    EXPECT_NE(watcher.receive()->find("reconstructed_image"), std::string::npos);
    ::kill(running_.process, SIGTERM);
    EXPECT_EQ(watcher.receive(), std::nullopt);
    EXPECT_EQ(watcher.close_code(), 1001);
  }
  EXPECT_EQ(ended(), 0);
  EXPECT_EQ(start({"--port", std::to_string(port)}), port);
  testing::SocketClient watcher(port, "/frontend/a"), relay(port, "/reconstruct");
  relay.send(drawn);
  EXPECT_NE(watcher.receive()->find("reconstructed_image"), std::string::npos);
  EXPECT_EQ(stop(), 0);
}

TEST_F(LiveServe, WritesItsWaveforms) {
  const auto file = folder_ / "waveforms.npy";
  const int port = start({"--port", "0", "--signal", file.string()});
  const auto png = to_base64(encode_png(at::full({3, 16, 16}, 0.5)));
  testing::SocketClient client(port, "/simulate");
  for (int i = 0; i < 2; ++i) {
    client.send(R"({"session_id": "a", "image_base64": ")" + png + "\"}");
    EXPECT_NE(client.receive()->find("waveform_latent"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(stop(), 0);
  const auto rows = read_npy(file);
  ASSERT_EQ(rows.sizes(), at::IntArrayRef({96, 3}));
  EXPECT_NEAR((rows[47][0] - rows[0][0]).item<double>(), 47.0 / 30000, 1e-9);
  EXPECT_TRUE(rows.slice(0, 0, 48).slice(1, 1).equal(rows.slice(0, 48).slice(1, 1)));
  EXPECT_GT(rows.slice(1, 1).abs().max().item<double>(), 0);
  EXPECT_EQ(testing::run_command(command({"--port", "0", "--signal", file.string()})).status, 2);
}

TEST_F(LiveServe, ServesThePage) {
  const int port = start({"--port", "0"});
  EXPECT_NE(testing::http_get(port, "/").body.find("neurosplat"), std::string::npos);
  EXPECT_NE(testing::http_get(port, "/metrics").body.find("page_viewers 0\n"), std::string::npos);
  EXPECT_EQ(testing::http_get(port, "/thought.js").status, 200U);
  testing::SocketClient viewer(port, "/live");
  const auto modes = *viewer.receive();
  for (const char* name : {"lock", "agreement", "saccade", "infer", "thought"}) {
    EXPECT_NE(modes.find(std::string("\"name\":\"") + name + "\""), std::string::npos) << name;
  }
  viewer.send(R"({"mode": "lock", "choices": {"solver": "adam"}})");
  EXPECT_NE(viewer.receive()->find(R"("solver":"adam")"), std::string::npos);
  EXPECT_EQ(stop(), 0);
}

TEST_F(LiveServe, RefusesWhatCannotBe) {
  const auto refusal = [&](const std::vector<std::string>& more) {
    return testing::run_command(command(more));
  };
  const int port = start({"--port", "0"});
  const auto taken = refusal({"--port", std::to_string(port)});
  EXPECT_EQ(taken.status, 1);
  EXPECT_NE(taken.errors.find("choose another port"), std::string::npos) << taken.errors;
  EXPECT_EQ(refusal({"--port", "70000"}).status, 2);
  EXPECT_EQ(refusal({"--address", "0.0.0.0"}).status, 2);
  EXPECT_EQ(refusal({"--certificate", "a.pem"}).status, 2);
  EXPECT_EQ(refusal({"--message-mib", "0"}).status, 2);
  EXPECT_EQ(refusal({"--model", (folder_ / "none").string()}).status, 1);
  EXPECT_EQ(refusal({"--splat-model", (folder_ / "none").string()}).status, 1);
  EXPECT_EQ(refusal({"--signal", (folder_ / "a.txt").string()}).status, 2);
}

/// Autobahn's cases, as kosoku has them, where it is installed.
TEST_F(LiveServe, EchoKeepsToTheRules) {
  const auto python = testing::python_with("kosoku");
  if (!python) GTEST_SKIP() << "SKIPPED: no kosoku in the Python environment";
  const auto kosoku = std::filesystem::path(*python).parent_path() / "kosoku";
  const int port = start({"--port", "0", "--echo", "--message-mib", "32"});
  // Compression is not offered: cases 12 and 13 ask for it.
  const auto run =
      testing::run_command({kosoku.string(), "ws://127.0.0.1:" + std::to_string(port) + "/echo",
                            "-x", "12.*", "-x", "13.*", "-o", (folder_ / "out").string()});
  EXPECT_EQ(run.output.find("FAILED"), std::string::npos) << run.output;
  EXPECT_NE((run.output + run.errors).find("cases"), std::string::npos) << run.errors;
  EXPECT_EQ(stop(), 0);
}

}  // namespace
}  // namespace neurosplat
