// Frames that are broken in every way that RFC 6455 knows, and some that it does not: the server
// goes on, forgets the clients and keeps its memory. NEUROSPLAT_FUZZ_RUNS: how many frames
// (20,000); docs/reliability.md has a run of 1,000,000 under sanitizers.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "neurosplat/serving/web_server.h"
#include "serving/web_test_client.h"

namespace neurosplat {
namespace {

using testing::SocketClient;
using Random = std::mt19937;

class Echo : public Conversation {
 public:
  explicit Echo(std::shared_ptr<Outbox> out) : out_(std::move(out)) {}
  void receive(Message message) override { out_->send(std::move(message)); }

 private:
  std::shared_ptr<Outbox> out_;
};

std::int64_t runs() {
  const char* asked = std::getenv("NEUROSPLAT_FUZZ_RUNS");
  return asked == nullptr ? 20000 : std::atoll(asked);
}

/// A frame with a mask; some fields are not what they should be.
std::string frame_of(Random& random) {
  constexpr std::array<int, 8> kOpcodes = {0, 1, 1, 2, 2, 8, 9, 10};
  const auto one_in = [&](unsigned chances) { return random() % chances == 0; };
  const auto opcode = one_in(12) ? static_cast<unsigned>(random() % 16)
                                 : static_cast<unsigned>(kOpcodes[random() % 8]);
  const unsigned reserved = one_in(24) ? 16U << (random() % 3) : 0;
  const unsigned last = one_in(10) ? 0 : 128;
  const std::size_t length = one_in(10) ? random() % 70000 : random() % 140;
  std::string payload(length, 'a');
  if (one_in(8)) {
    for (auto& byte : payload) byte = static_cast<char>(random());
  }
  std::string frame = {static_cast<char>(last | reserved | opcode)};
  const unsigned mask = one_in(24) ? 0 : 128;
  // A length that lies, or is longer written than it must be.
  const std::uint64_t claimed = one_in(24) ? (std::uint64_t{random()} << 32U | random()) : length;
  const int bytes = claimed > 65535 || one_in(15) ? 8 : claimed > 125 || one_in(15) ? 2 : 0;
  frame += static_cast<char>(mask | (bytes == 8 ? 127U : bytes == 2 ? 126U : claimed & 127U));
  for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>(claimed >> (8 * i) & 0xFFU);
  std::array<char, 4> key = {};
  for (auto& byte : key) byte = static_cast<char>(random());
  if (mask != 0) frame.append(key.data(), key.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ (mask != 0 ? key[i % 4] : 0));
  }
  if (one_in(40)) frame.resize(random() % (frame.size() + 1));
  return frame;
}

std::string greeting(Random& random) {
  std::string request =
      "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  if (random() % 20 == 0) request[random() % request.size()] = static_cast<char>(random());
  return request;
}

/// Sends everything, hears the answers, and resets the connection so that no port waits.
void send_and_leave(int port, const std::string& bytes) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  boost::system::error_code gone;
  socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port)}, gone);
  asio::write(socket, asio::buffer(bytes), gone);
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, gone);
  std::array<char, 4096> answer;
  while (!gone) socket.read_some(asio::buffer(answer), gone);
  socket.set_option(asio::socket_base::linger(true, 0), gone);
  socket.close(gone);
}

/// What AddressSanitizer keeps of freed memory, and the allocator.
constexpr double kMostGrowth = 320;

double memory_mib() {
  std::ifstream status("/proc/self/statm");
  long all = 0, resident = 0;
  status >> all >> resident;
  return static_cast<double>(resident) * 4096 / 1048576;
}

TEST(MalformedFrames, DoNoHarm) {
  ServerOptions options;
  options.port = 0;
  options.most_message_bytes = 65536;
  options.patience = std::chrono::seconds(2);
  WebServer server(options);
  server.socket("/echo", [](std::shared_ptr<Outbox> out, const Target&) {
    return std::make_unique<Echo>(std::move(out));
  });
  server.start();
  Random random(17);
  double early = 0;
  const auto most = runs();
  for (std::int64_t sent = 0, connections = 0; sent < most; ++connections) {
    auto bytes = greeting(random);
    for (const auto frames = 1 + random() % 20; sent < most && bytes.size() < frames * 8000;
         ++sent) {
      bytes += frame_of(random);
      if (random() % 12 == 0) break;
    }
    send_and_leave(server.port(), bytes);
    if (connections == 500) early = memory_mib();
  }
  SocketClient client(server.port(), "/echo");
  client.send("whole");
  EXPECT_EQ(client.receive(), "whole");
  for (int i = 0; i < 2000 && server.counts().open_sockets > 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(server.counts().open_sockets, 1);
  std::printf("%lld frames, %llu connections, %llu messages got through, memory %.0f -> %.0f MiB\n",
              static_cast<long long>(most),
              static_cast<unsigned long long>(server.counts().connections),
              static_cast<unsigned long long>(server.counts().messages_in), early, memory_mib());
  EXPECT_LT(memory_mib(), early + kMostGrowth);
}

}  // namespace
}  // namespace neurosplat
