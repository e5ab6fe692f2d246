#include "systems/waveform/waveform_services.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "neurosplat/io/picture_bytes.h"
#include "serving/web_test_client.h"

namespace neurosplat {
namespace {

using testing::http_get;
using testing::SocketClient;
using Json = nlohmann::json;

class WaveformServicesTest : public ::testing::Test {
 protected:
  WaveformServicesTest()
      : model_({.image_size = 16, .latent = 4, .electrodes = 2, .samples = 16, .width = 8}, 3),
        services_(model_, limits()),
        server_(options()) {
    services_.add_to(server_);
    server_.get("/metrics", [this](const Target&) {
      MetricsText metrics;
      services_.add_to(metrics);
      return Reply{200, MetricsText::kType, metrics.body()};
    });
    server_.start();
  }

  static WaveformServices::Limits limits() {
    WaveformServices::Limits limits;
    limits.keep = std::chrono::seconds(1);
    limits.most_sessions = 5;
    return limits;
  }
  static ServerOptions options() {
    ServerOptions options;
    options.port = 0;
    return options;
  }
  static Json ask(SocketClient& client, const Json& message) {
    client.send(message.dump());
    return Json::parse(*client.receive());
  }

  double metric(const std::string& name) const {
    const auto body = http_get(server_.port(), "/metrics").body;
    const auto at = body.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(body.substr(at + name.size() + 2));
  }

  WaveformAutoencoder model_;
  WaveformServices services_;
  WebServer server_;
};

at::Tensor picture() {
  return at::rand({3, 20, 30});
}

/// What comes back is what the model makes of the picture.
TEST_F(WaveformServicesTest, PictureToWaveformToPicture) {
  const at::NoGradGuard no_gradient;
  SocketClient simulate(server_.port(), "/simulate"), relay(server_.port(), "/reconstruct");
  const auto png = encode_png(at::full({3, 16, 16}, 0.25));
  const auto said = ask(simulate, {{"session_id", "s"}, {"image_base64", to_base64(png)}});
  EXPECT_EQ(said.at("type"), "waveform_latent");
  EXPECT_EQ(said.at("session_id"), "s");
  const auto square = at::full({1, 3, 16, 16}, 64.0 / 255);
  const auto waveform = model_.waveforms(model_.encode(square).latent);
  const auto latent = model_.encode_waveforms(waveform)[0];
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(said.at("payload")[i].get<double>(),
                latent[static_cast<std::int64_t>(i)].item<double>(), 1e-4);
  }
  EXPECT_NEAR(said.at("waveform")[1][7].get<double>(), waveform[0][1][7].item<double>(), 1e-4);
  const auto drawn = ask(
      relay, {{"type", "waveform_latent"}, {"session_id", "s"}, {"payload", said.at("payload")}});
  EXPECT_EQ(drawn.at("type"), "reconstructed_image");
  const std::string url = drawn.at("image_base64"), head = "data:image/jpeg;base64,";
  ASSERT_TRUE(url.starts_with(head));
  const auto found = decode_picture(from_base64(url.substr(head.size())), 256).to(at::kFloat);
  const auto expected =
      decode_picture(encode_jpeg(model_.decode(latent.unsqueeze(0))[0]), 256).to(at::kFloat);
  EXPECT_LT((found - expected).abs().mean().item<double>(), 1);
}

TEST_F(WaveformServicesTest, TheOriginalsFormatAndPaths) {
  const std::string root = kOriginalRoot;
  SocketClient watcher(server_.port(), root + "/reconstruct/ws/frontend/u1");
  SocketClient simulate(server_.port(), root + "/simulate/ws/simulate-image-to-waveform-latent");
  const Json metadata = {{"user_id", "u1"}, {"avatar_id", 4}};
  const auto said = ask(
      simulate,
      {{"payload", {{"image_base64", to_base64(encode_png(picture()))}}}, {"metadata", metadata}});
  EXPECT_EQ(said.at("status"), "success");
  EXPECT_EQ(said.at("metadata"), metadata);
  const auto shown = Json::parse(*watcher.receive());
  EXPECT_EQ(shown.at("type"), "reconstructed_image");
  EXPECT_EQ(shown.at("image_format"), "png");
  EXPECT_EQ(shown.at("metadata"), metadata);
  EXPECT_EQ(decode_picture(from_base64(shown.at("image_data").get<std::string>()), 256).size(1),
            16);
  SocketClient relay(server_.port(),
                     root + "/reconstruct/ws/reconstruct-image-from-waveform-latent");
  const auto passed =
      ask(relay, {{"payload", {{"waveform_latent", said["payload"]["waveform_latent"]}}},
                  {"metadata", metadata}});
  EXPECT_EQ(passed.at("status"), "success");
  EXPECT_EQ(Json::parse(*watcher.receive()).at("image_data"), shown.at("image_data"));
  EXPECT_EQ(http_get(server_.port(), root + "/health").status, 200U);
}

TEST_F(WaveformServicesTest, PicturesWaitForTheirWatcherForAWhile) {
  SocketClient relay(server_.port(), "/reconstruct");
  const Json message = {{"session_id", "late"}, {"payload", {1, 2, 3, 4}}};
  const auto drawn = ask(relay, message);
  EXPECT_EQ(services_.kept(), 1);
  {
    SocketClient watcher(server_.port(), "/frontend/late");
    EXPECT_EQ(Json::parse(*watcher.receive()).at("image_base64"), drawn.at("image_base64"));
    EXPECT_EQ(services_.kept(), 0);
  }
  for (int i = 0; i < 400 && server_.counts().open_sockets > 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ask(relay, message);  // nobody watches any more
  EXPECT_EQ(services_.kept(), 1);
  // Of too many sessions the oldest goes; after its time each does.
  for (int i = 0; i < 20; ++i) {
    ask(relay, {{"session_id", std::to_string(i)}, {"payload", {1, 2, 3, 4}}});
  }
  EXPECT_LE(services_.kept(), 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  ask(relay, message);
  EXPECT_EQ(services_.kept(), 1);
}

TEST_F(WaveformServicesTest, ErrorsAreAnswers) {
  SocketClient simulate(server_.port(), "/simulate"), relay(server_.port(), "/reconstruct");
  for (const char* bad :
       {"", "{", "[]", R"({"session_id": "a"})", R"({"session_id": "a", "payload": [1]})",
        R"({"session_id": "a", "payload": [1, 2, 3, "x"]})"}) {
    relay.send(bad);
    const auto said = Json::parse(*relay.receive());
    EXPECT_EQ(said.at("type"), "error");
    EXPECT_EQ(said.at("code"), "bad_message");
    EXPECT_FALSE(said.at("message").get<std::string>().empty());
  }
  EXPECT_EQ(ask(simulate, {{"session_id", "a"}, {"payload", {1, 2, 3, 4}}}).at("type"), "error");
  EXPECT_EQ(ask(relay, {{"session_id", "a"}, {"payload", {1, 2, 3, 4}}}).at("type"),
            "reconstructed_image");
  EXPECT_EQ(metric("websocket_errors_total"), 7);
  EXPECT_EQ(metric("visual_thoughts_reconstructed_total"), 1);
  EXPECT_EQ(server_.counts().open_sockets, 2);
  EXPECT_EQ(metric("health_requests_total"), 0);
  const auto health = Json::parse(http_get(server_.port(), "/health").body);
  EXPECT_EQ(health.at("status"), "ok");
  EXPECT_EQ(health.at("latent"), 4);
  EXPECT_EQ(metric("health_requests_total"), 1);
}

}  // namespace
}  // namespace neurosplat
