#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace neurosplat {

/// What a server listens on and what it puts up with.
struct ServerOptions {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 of an interface of this machine
  int port = 8080;                    ///< 0: any free one
  /// Asked of every request but file()'s as ?token= or "Authorization: Bearer"; needed on an
  /// address that is not the loopback's.
  std::string token;
  std::filesystem::path certificate, key;  ///< PEM files; with them all is TLS
  std::size_t most_message_bytes = std::size_t{8} << 20U;
  std::size_t most_connections = 2048;
  std::size_t most_waiting = 4;  ///< messages of a connection that wait for work, and to be sent
  std::chrono::milliseconds patience =
      std::chrono::seconds(20);  ///< from silence to a ping, to the end
};

/// Throws UsageError: numbers out of range, an address without a token, half a certificate.
void check(const ServerOptions& options);

struct Message {
  bool text = true;
  std::string bytes;
};

/// The way back to a client; it may outlive the connection, then what is sent is lost. Any thread.
/// A weak pointer to it expires with the conversation.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// Where too many messages wait already, the oldest is dropped and counted.
  virtual void send(Message message) = 0;
};

/// What a client says, message after message, one at a time, all conversations on one thread.
class Conversation {
 public:
  virtual ~Conversation() = default;
  /// What is thrown closes the connection (internal error) and is logged.
  virtual void receive(Message message) = 0;
};

/// A request's path behind the route, and its query by name.
struct Target {
  std::string rest;
  std::map<std::string, std::string> query;
};

using ConversationMaker =
    std::function<std::unique_ptr<Conversation>(std::shared_ptr<Outbox> out, const Target& target)>;

struct Reply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};
using ReplyMaker = std::function<Reply(const Target& target)>;

/// What to do when a client says more than is worked off: forget what it said first (frames), or
/// read no more until there is room (every message counts).
enum class Overload { kDropOldest, kWait };

/// Since the start.
struct ServerCounts {
  std::uint64_t connections = 0, refused = 0, messages_in = 0, messages_out = 0, dropped_in = 0,
                dropped_out = 0, errors = 0;
  std::int64_t open_sockets = 0;
};

/// HTTP and WebSockets (RFC 6455) on one port, on Boost.Beast. One thread reads and writes, one
/// works: models use all cores as it is. Requests of browsers from pages of other origins are
/// refused, and with the loopback's address those for other host names (DNS rebinding).
class WebServer {
 public:
  explicit WebServer(const ServerOptions& options);
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  /// GET of exactly this path, or of one below where it ends in '/'. Called on the reading thread.
  void get(const std::string& path, ReplyMaker reply);
  /// Exactly this path, for what is no secret, a page's files: no token is asked.
  void file(const std::string& path, ReplyMaker reply);
  void socket(const std::string& path, ConversationMaker conversation,
              Overload overload = Overload::kDropOldest);

  /// Listens. Throws Error for a port in use, an address that is not this machine's, a certificate
  /// that cannot be read.
  void start();
  /// The port in use, after start().
  int port() const;
  /// "http://127.0.0.1:8080" or the like.
  std::string url() const;
  /// Says goodbye to every client and waits a second for them. Also by the destructor.
  void stop();

  ServerCounts counts() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace neurosplat
