#include "neurosplat/serving/web_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <mutex>
#include <random>
#include <thread>

#include "neurosplat/core/error.h"
#include "serving/web_test_client.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

using namespace std::chrono_literals;
using testing::http_get;
using testing::SocketClient;

class Echo : public Conversation {
 public:
  explicit Echo(std::shared_ptr<Outbox> out) : out_(std::move(out)) {}
  void receive(Message message) override {
    if (message.bytes == "throw") throw Error("as asked");
    out_->send(std::move(message));
  }

 private:
  std::shared_ptr<Outbox> out_;
};

ConversationMaker echo() {
  return [](std::shared_ptr<Outbox> out, const Target&) {
    return std::make_unique<Echo>(std::move(out));
  };
}

ServerOptions on_any_port() {
  ServerOptions options;
  options.port = 0;
  return options;
}

/// Waits for what another thread brings about.
template <class Condition>
bool comes_true(const Condition& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(WebServer, AnswersGet) {
  WebServer server(on_any_port());
  server.get("/a", [](const Target& target) {
    return Reply{200, "text/plain", "x is " + target.query.at("x")};
  });
  server.get("/files/", [](const Target& target) { return Reply{200, "text/plain", target.rest}; });
  server.socket("/echo", echo());
  server.start();
  const auto found = http_get(server.port(), "/a?x=1%20%2b&y");
  EXPECT_EQ(found.status, 200U);
  EXPECT_EQ(found.body, "x is 1 +");
  EXPECT_NE(found.policy.find("default-src 'none'; script-src 'self'"), std::string::npos);
  EXPECT_EQ(http_get(server.port(), "/files/b/c.js").body, "b/c.js");
  EXPECT_EQ(http_get(server.port(), "/none").status, 404U);
  EXPECT_EQ(http_get(server.port(), "/a%zz").status, 400U);
  EXPECT_EQ(http_get(server.port(), "/echo").status, 426U);
}

TEST(WebServer, EchoesInOrder) {
  WebServer server(on_any_port());
  server.socket("/echo", echo(), Overload::kWait);
  server.start();
  SocketClient client(server.port(), "/echo");
  for (int i = 0; i < 200; ++i) client.send(std::to_string(i));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.receive(), std::to_string(i));
  client.send(std::string(3 << 20, 'x'), false);
  EXPECT_EQ(client.receive()->size(), std::size_t{3} << 20U);
  EXPECT_EQ(server.counts().dropped_in + server.counts().dropped_out, 0U);
}

/// A conversation that is held up: what came first is forgotten, what came last is answered.
TEST(WebServer, DropsTheOldestWhenItIsTooMuch) {
  auto options = on_any_port();
  options.most_waiting = 3;
  std::mutex held;
  WebServer server(options);
  class Slow : public Conversation {
   public:
    Slow(std::shared_ptr<Outbox> out, std::mutex& held) : out_(std::move(out)), held_(held) {}
    void receive(Message message) override {
      const std::lock_guard lock(held_);
      out_->send(std::move(message));
    }

   private:
    std::shared_ptr<Outbox> out_;
    std::mutex& held_;
  };
  server.socket("/slow", [&held](std::shared_ptr<Outbox> out, const Target&) {
    return std::make_unique<Slow>(std::move(out), held);
  });
  server.start();
  SocketClient client(server.port(), "/slow");
  {
    const std::lock_guard lock(held);
    for (int i = 0; i < 20; ++i) client.send(std::to_string(i));
    ASSERT_TRUE(comes_true([&] { return server.counts().messages_in == 20; }));
  }
  // One may be at work, three wait.
  std::string last;
  std::uint64_t answers = 0;
  while (last != "19") {
    last = *client.receive();
    ++answers;
  }
  EXPECT_LE(answers, 4U);
  EXPECT_EQ(answers + server.counts().dropped_in + server.counts().dropped_out, 20U);
}

/// Who never reads costs no more than what waits, and does not hold others up.
TEST(WebServer, AClientThatNeverReadsIsCutShort) {
  auto options = on_any_port();
  options.most_waiting = 2;
  WebServer server(options);
  server.socket("/echo", echo());
  server.start();
  SocketClient deaf(server.port(), "/echo");
  deaf.socket().set_option(boost::asio::socket_base::receive_buffer_size(4096));
  for (int i = 0; i < 60; ++i) deaf.send(std::string(1 << 20, 'x'), false);
  SocketClient other(server.port(), "/echo");
  other.send("here");
  EXPECT_EQ(other.receive(), "here");
  EXPECT_TRUE(comes_true([&] { return server.counts().dropped_out > 0; }));
}

TEST(WebServer, HalfOpenSocketsEnd) {
  auto options = on_any_port();
  options.patience = 60ms;
  WebServer server(options);
  server.socket("/echo", echo());
  server.start();
  SocketClient silent(server.port(), "/echo");
  // It neither reads nor answers pings.
  EXPECT_TRUE(comes_true([&] { return server.counts().open_sockets == 1; }));
  EXPECT_TRUE(comes_true([&] { return server.counts().open_sockets == 0; }));
}

TEST(WebServer, TooLongMessagesAndFaultsCloseTheConnectionAlone) {
  auto options = on_any_port();
  options.most_message_bytes = 2048;
  WebServer server(options);
  server.socket("/echo", echo());
  server.start();
  SocketClient client(server.port(), "/echo"), other(server.port(), "/echo");
  client.send(std::string(4096, 'x'));
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_EQ(client.close_code(), 1009);
  SocketClient faulty(server.port(), "/echo");
  faulty.send("throw");
  EXPECT_EQ(faulty.receive(), std::nullopt);
  EXPECT_EQ(faulty.close_code(), 1011);
  EXPECT_GE(server.counts().errors, 1U);
  other.send("still here");
  EXPECT_EQ(other.receive(), "still here");
}

TEST(WebServer, SaysGoodbye) {
  auto server = std::make_unique<WebServer>(on_any_port());
  server->socket("/echo", echo());
  server->start();
  SocketClient client(server->port(), "/echo");
  client.send("a");
  EXPECT_EQ(client.receive(), "a");
  std::thread stopping([&] { server->stop(); });
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_EQ(client.close_code(), 1001);
  stopping.join();
  server.reset();
}

TEST(WebServer, OtherPagesAndNamesAreRefused) {
  WebServer server(on_any_port());
  server.get("/a", [](const Target&) { return Reply{}; });
  server.socket("/echo", echo());
  server.start();
  const auto port = std::to_string(server.port());
  EXPECT_EQ(http_get(server.port(), "/a", {}, "localhost:" + port).status, 200U);
  EXPECT_EQ(http_get(server.port(), "/a", {}, "[::1]:" + port).status, 200U);
  EXPECT_EQ(http_get(server.port(), "/a", {}, "evil.example").status, 403U);
  EXPECT_EQ(http_get(server.port(), "/a", {{"Origin", "http://evil.example"}}).status, 403U);
  EXPECT_NO_THROW(SocketClient(server.port(), "/echo", {{"Origin", "http://127.0.0.1:" + port}}));
  EXPECT_ANY_THROW(SocketClient(server.port(), "/echo", {{"Origin", "http://evil.example"}}));
  EXPECT_ANY_THROW(SocketClient(server.port(), "/echo", {{"Origin", "null"}}));
}

TEST(WebServer, AsksForItsToken) {
  auto options = on_any_port();
  options.token = "sesame";
  WebServer server(options);
  server.get("/a", [](const Target&) { return Reply{}; });
  server.socket("/echo", echo());
  server.start();
  EXPECT_EQ(http_get(server.port(), "/a").status, 401U);
  EXPECT_EQ(http_get(server.port(), "/a?token=sesamf").status, 401U);
  EXPECT_EQ(http_get(server.port(), "/a?token=sesame").status, 200U);
  EXPECT_EQ(http_get(server.port(), "/a", {{"Authorization", "Bearer sesame"}}).status, 200U);
  EXPECT_ANY_THROW(SocketClient(server.port(), "/echo"));
  EXPECT_NO_THROW(SocketClient(server.port(), "/echo?token=sesame"));
}

TEST(WebServer, ConnectionsAreLimited) {
  auto options = on_any_port();
  options.most_connections = 3;
  WebServer server(options);
  server.socket("/echo", echo());
  server.start();
  std::vector<std::unique_ptr<SocketClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<SocketClient>(server.port(), "/echo"));
  }
  EXPECT_ANY_THROW(SocketClient(server.port(), "/echo"));
  clients.pop_back();
  EXPECT_TRUE(comes_true([&] {
    try {
      SocketClient again(server.port(), "/echo");
      return true;
    } catch (const boost::system::system_error&) {
      return false;
    }
  }));
}

/// Frames of random bytes after a proper beginning: the server goes on, and lets go of the clients.
TEST(WebServer, RandomFramesDoNoHarm) {
  WebServer server(on_any_port());
  server.socket("/echo", echo());
  server.start();
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    SocketClient client(server.port(), "/echo");
    std::string bytes(1 + random() % 300, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    client.send_raw(bytes);
  }
  SocketClient client(server.port(), "/echo");
  client.send("whole");
  EXPECT_EQ(client.receive(), "whole");
  EXPECT_TRUE(comes_true([&] { return server.counts().open_sockets == 1; }));
}

/// With a certificate the same is said over TLS, and nothing without.
TEST(WebServer, SpeaksTls) {
  const testing::TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder / name).string(); };
  const auto made = testing::run_command({"openssl", "req", "-x509", "-newkey", "rsa:2048",
                                          "-nodes", "-days", "2", "-subj", "/CN=localhost",
                                          "-keyout", file("key.pem"), "-out", file("cert.pem")});
  if (made.status != 0) GTEST_SKIP() << "SKIPPED: no openssl command to make a certificate with";
  auto options = on_any_port();
  options.certificate = file("cert.pem");
  options.key = file("key.pem");
  WebServer server(options);
  server.get("/a", [](const Target&) { return Reply{200, "text/plain", "secret"}; });
  server.socket("/echo", echo());
  server.start();
  EXPECT_TRUE(server.url().starts_with("https://127.0.0.1:"));
  boost::asio::io_context io;
  boost::asio::ssl::context tls(boost::asio::ssl::context::tls_client);
  tls.load_verify_file(file("cert.pem"));
  tls.set_verify_mode(boost::asio::ssl::verify_peer);
  boost::beast::websocket::stream<boost::beast::ssl_stream<boost::beast::tcp_stream>> ws(io, tls);
  boost::beast::get_lowest_layer(ws).connect(
      {boost::asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(server.port())});
  ws.next_layer().handshake(boost::asio::ssl::stream_base::client);
  ws.handshake("localhost:" + std::to_string(server.port()), "/echo");
  ws.write(boost::asio::buffer(std::string("over TLS")));
  boost::beast::flat_buffer buffer;
  ws.read(buffer);
  EXPECT_EQ(boost::beast::buffers_to_string(buffer.data()), "over TLS");
  EXPECT_ANY_THROW(http_get(server.port(), "/a"));
}

TEST(WebServer, SaysWhatCannotBe) {
  WebServer server(on_any_port());
  server.start();
  auto options = on_any_port();
  options.port = server.port();
  WebServer second(options);
  EXPECT_THROW(second.start(), Error);
  options.port = 70000;
  EXPECT_THROW(WebServer{options}, UsageError);
  options = on_any_port();
  options.address = "0.0.0.0";
  EXPECT_THROW(WebServer{options}, UsageError);
  options.token = "x";
  EXPECT_NO_THROW(WebServer{options});
  options.address = "here";
  EXPECT_THROW(WebServer{options}, UsageError);
  options = on_any_port();
  options.certificate = "a.pem";
  EXPECT_THROW(WebServer{options}, UsageError);
  options.key = "b.pem";
  WebServer third(options);
  EXPECT_THROW(third.start(), Error);
}

}  // namespace
}  // namespace neurosplat
