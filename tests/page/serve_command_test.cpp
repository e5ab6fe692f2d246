// The services as a user starts and ends them.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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
