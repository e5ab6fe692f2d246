#include "neurosplat/page/live_page.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/picture_bytes.h"
#include "serving/web_test_client.h"

namespace neurosplat {
namespace {

using testing::http_get;
using testing::SocketClient;
using Json = nlohmann::json;

std::string frame_of(std::uint32_t number, const std::string& picture) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>((number >> (8 * i)) & 0xFFU);
  return bytes + picture;
}

/// What the server says of a frame, taken apart.
struct Seen {
  Json said;
  at::Tensor panels;
};

Seen taken_apart(const std::string& bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return {Json::parse(bytes.substr(4, length)), decode_picture(bytes.substr(4 + length), 1 << 20)};
}

/// Shows a frame's brightness, and beside it a band for every frame since the last reset.
PageMode counting_mode() {
  PageMode mode{.name = "count", .title = "Count", .help = "Counts.", .panels = 2, .gap = 4};
  mode.columns = {"frames"};
  mode.choices = {{"speed", {"slow", "fast"}}, {"colour", {"red", "blue"}}};
  mode.make = [](const std::map<std::string, std::string>& chosen) {
    const auto count = std::make_shared<int>(0);
    const int step = chosen.at("speed") == "fast" ? 10 : 1;
    return ModeActions{[count, step](const Frame& frame) {
                         *count += step;
                         SeenFrame seen{.panels = frame.picture.to(at::kFloat) / 255};
                         seen.latency_ms = 1.5;
                         seen.numbers = {static_cast<double>(*count)};
                         seen.note = "frame " + frame.name;
                         return seen;
                       },
                       [count] { *count = 0; }};
  };
  return mode;
}

PageMode absent_mode() {
  PageMode mode{.name = "absent", .title = "Absent", .help = "Cannot be had."};
  mode.make = [](const std::map<std::string, std::string>&) -> ModeActions {
    throw Error("expected a model, got none");
  };
  return mode;
}

PageMode scripted_mode() {
  return {.name = "own", .title = "Own", .help = "Has a script.", .script = "/own.js"};
}

class LivePageTest : public ::testing::Test {
 protected:
  LivePageTest()
      : page_({counting_mode(), absent_mode(), scripted_mode()},
              {.most_viewers = 2, .most_pixels = 10000}),
        server_(options()) {
    page_.add_to(server_);
    server_.start();
  }
  static ServerOptions options() {
    ServerOptions options;
    options.port = 0;
    options.token = "a b";
    return options;
  }
  SocketClient client() const { return SocketClient(server_.port(), "/live?token=a%20b"); }
  static Json next(SocketClient& client) { return Json::parse(*client.receive()); }
  static Json ask(SocketClient& client, const Json& message) {
    client.send(message.dump());
    return next(client);
  }

  LivePage page_;
  WebServer server_;
};

TEST_F(LivePageTest, FramesBecomePanels) {
  auto viewer = client();
  const auto greeting = next(viewer);
  EXPECT_EQ(greeting.at("type"), "modes");
  const auto& mode = greeting.at("modes")[0];
  EXPECT_EQ(mode.at("name"), "count");
  EXPECT_EQ(mode.at("panels"), 2);
  EXPECT_EQ(mode.at("choices")[0].at("values")[1], "fast");
  EXPECT_EQ(greeting.at("modes")[2].at("script"), "/own.js");
  const auto begun = ask(viewer, {{"mode", "count"}, {"choices", {{"speed", "fast"}}}});
  EXPECT_EQ(begun.at("type"), "mode");
  EXPECT_EQ(begun.at("choices"), Json({{"speed", "fast"}, {"colour", "red"}}));
  const auto picture = at::full({3, 20, 30}, 0.5);
  for (std::uint32_t number : {7U, 0x01020304U}) {
    viewer.send(frame_of(number, encode_png(picture)), false);
    const auto seen = taken_apart(*viewer.receive());
    EXPECT_EQ(seen.said.at("frame"), number);
    EXPECT_EQ(seen.said.at("mode"), "count");
    EXPECT_EQ(seen.said.at("latency_ms"), 1.5);
    EXPECT_EQ(seen.said.at("note"), "frame " + std::to_string(number));
    EXPECT_EQ(seen.said.at("numbers").at("frames"), number == 7 ? 10 : 20);
    EXPECT_EQ(seen.panels.sizes(), at::IntArrayRef({3, 20, 30}));
    EXPECT_LT((seen.panels.to(at::kFloat) - 127.5).abs().max().item<double>(), 3);
  }
  EXPECT_EQ(ask(viewer, {{"reset", true}}).at("type"), "reset");
  viewer.send(frame_of(1, encode_jpeg(picture)), false);
  EXPECT_EQ(taken_apart(*viewer.receive()).said.at("numbers").at("frames"), 10);
}

TEST_F(LivePageTest, ViewersDoNotSeeEachOthersFrames) {
  auto one = client(), other = client();
  next(one), next(other);
  ask(one, {{"mode", "count"}});
  ask(other, {{"mode", "count"}});
  const auto frame = frame_of(1, encode_png(at::zeros({3, 4, 4})));
  for (int i = 0; i < 3; ++i) {
    one.send(frame, false);
    one.receive();
  }
  other.send(frame, false);
  EXPECT_EQ(taken_apart(*other.receive()).said.at("numbers").at("frames"), 1);
}

TEST_F(LivePageTest, ErrorsAreAnswers) {
  auto viewer = client();
  next(viewer);
  const auto expect_error = [&](const std::string& message, bool text, const std::string& part) {
    viewer.send(message, text);
    const auto said = next(viewer);
    EXPECT_EQ(said.at("type"), "error") << message;
    EXPECT_NE(said.at("message").get<std::string>().find(part), std::string::npos) << said;
  };
  expect_error(frame_of(1, encode_png(at::zeros({3, 4, 4}))), false, "expected a mode");
  expect_error("{", true, "JSON");
  expect_error("[]", true, "JSON object");
  expect_error(std::string(5000, ' '), true, "at most");
  expect_error(std::string(20, '[') + std::string(20, ']'), true, "levels");
  expect_error("{}", true, "'mode' or 'reset'");
  expect_error(R"({"mode": "other"})", true, "name of a mode");
  expect_error(R"({"mode": 3})", true, "name of a mode");
  expect_error(R"({"mode": "count", "choices": {"speed": "x"}})", true, "values of speed");
  expect_error(R"({"mode": "count", "choices": {"x": "x"}})", true, "choice");
  expect_error(R"({"mode": "count", "choices": 1})", true, "object");
  expect_error(R"({"mode": "absent"})", true, "expected a model");
  expect_error(R"({"mode": "own"})", true, "sockets of its own");
  ask(viewer, {{"mode", "count"}});
  expect_error("abc", false, "four bytes");
  expect_error(frame_of(3, "no picture"), false, "PNG");
  expect_error(frame_of(4, encode_png(at::zeros({3, 101, 100}))), false, "10000");
  viewer.send(frame_of(5, "GIF89a"), false);
  EXPECT_EQ(next(viewer).at("frame"), 5);
  viewer.send(frame_of(6, encode_png(at::zeros({3, 4, 4}))), false);
  EXPECT_EQ(taken_apart(*viewer.receive()).said.at("frame"), 6);
  MetricsText metrics;
  page_.add_to(metrics);
  EXPECT_NE(metrics.body().find("page_errors_total 17\n"), std::string::npos) << metrics.body();
  EXPECT_NE(metrics.body().find("page_frames_total 1\n"), std::string::npos);
}

TEST_F(LivePageTest, ViewersAreCounted) {
  std::vector<std::unique_ptr<SocketClient>> viewers;
  const auto enter = [&] {
    viewers.push_back(std::make_unique<SocketClient>(server_.port(), "/live?token=a%20b"));
    next(*viewers.back());
    return ask(*viewers.back(), {{"mode", "count"}}).at("type").get<std::string>();
  };
  EXPECT_EQ(enter(), "mode");
  EXPECT_EQ(enter(), "mode");
  EXPECT_EQ(ask(*viewers.back(), {{"mode", "count"}}).at("type"), "mode");
  EXPECT_EQ(enter(), "error");
  viewers.clear();
  for (int i = 0; i < 400 && server_.counts().open_sockets > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(enter(), "mode");
}

TEST_F(LivePageTest, RandomMessagesDoNoHarm) {
  auto viewer = client();
  next(viewer);
  ask(viewer, {{"mode", "count"}});
  std::mt19937 random(5);
  const std::string png = frame_of(1, encode_png(at::rand({3, 9, 9})));
  const std::string json = R"({"mode": "count", "choices": {"speed": "fast"}})";
  for (int i = 0; i < 600; ++i) {
    auto message = i % 2 == 0 ? png : json;
    for (auto changes = random() % 4; changes > 0; --changes) {
      message[random() % message.size()] = static_cast<char>(random());
    }
    message.resize(message.size() - random() % 3);
    // Bytes that are no UTF-8 would end the connection, as they must.
    viewer.send(message, false);
    ASSERT_TRUE(viewer.receive().has_value());
  }
}

/// The page's files need no token, and name nothing of another machine; everything else does.
TEST_F(LivePageTest, FilesAreServed) {
  const auto page = http_get(server_.port(), "/");
  EXPECT_EQ(page.status, 200U);
  EXPECT_NE(page.body.find("<!doctype html>"), std::string::npos);
  EXPECT_NE(page.policy.find("default-src 'none'; script-src 'self'"), std::string::npos);
  EXPECT_EQ(page.policy.find("unsafe"), std::string::npos);
  std::size_t files = 0;
  for (const char* name :
       {"/main.js", "/page.css", "/icon.svg", "/live_mode.js", "/drawing.js", "/sources.js"}) {
    const auto file = http_get(server_.port(), name);
    EXPECT_EQ(file.status, 200U) << name;
    EXPECT_GT(file.body.size(), 100U) << name;
    EXPECT_EQ(file.body.find("https://"), std::string::npos) << name;
    ++files;
  }
  EXPECT_EQ(files, 6U);
  EXPECT_EQ(http_get(server_.port(), "/index.html").status, 401U);
  EXPECT_EQ(http_get(server_.port(), "/live").status, 401U);
  EXPECT_EQ(http_get(server_.port(), "/live?token=a%20b").status, 426U);
  EXPECT_EQ(http_get(server_.port(), "/other.js?token=a%20b").status, 404U);
  EXPECT_THROW(SocketClient(server_.port(), "/live"), std::exception);
  EXPECT_EQ(http_get(server_.port(), "/", {}, "example.org").status, 403U);
}

}  // namespace
}  // namespace neurosplat
