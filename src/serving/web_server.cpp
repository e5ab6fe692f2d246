#include "neurosplat/serving/web_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "neurosplat/core/error.h"
#include "serving/web_client.h"

namespace neurosplat {
namespace {

using namespace serving;
using asio::ip::tcp;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kRequestPatience = std::chrono::seconds(15);
constexpr auto kGoodbyePatience = std::chrono::seconds(1);
constexpr std::uint32_t kMostHeaderBytes = 16384;

}  // namespace

void check(const ServerOptions& options) {
  const auto range = [](const char* name, auto value, auto least, auto most) {
    if (value >= least && value <= most) return;
    throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
  };
  boost::system::error_code bad;
  asio::ip::make_address(options.address, bad);
  if (bad) {
    throw UsageError(
        text("address: expected one like 127.0.0.1 or ::1, got '", options.address, "'"));
  }
  range("port", options.port, 0, 65535);
  range("most_message_bytes", options.most_message_bytes, std::size_t{1024}, std::size_t{1} << 30U);
  range("most_connections", options.most_connections, std::size_t{1}, std::size_t{1} << 20U);
  range("most_waiting", options.most_waiting, std::size_t{1}, std::size_t{1024});
  range("patience", options.patience.count(), 10, 3600000);
  if (options.certificate.empty() != options.key.empty()) {
    throw UsageError("certificate: expected a certificate and its key, got one of both");
  }
  if (!is_loopback(options.address) && options.token.empty()) {
    throw UsageError(text("token: expected one on ", options.address,
                          ", which other machines may reach: give --token"));
  }
}

struct WebServer::State {
  struct SocketRoute {
    ConversationMaker conversation;
    Overload overload;
  };

  explicit State(const ServerOptions& given) : options(given), acceptor(io) { check(options); }

  void listen();
  asio::awaitable<void> accept_all();
  asio::awaitable<void> greet(tcp::socket socket);
  template <class Stream>
  asio::awaitable<void> serve(Stream stream);
  template <class Stream>
  asio::awaitable<void> converse(Stream stream, Request request, const SocketRoute& route,
                                 Target target);
  Reply reply_to(const Request& request, const Address& address);
  std::optional<Reply> refusal_of(const Request& request, const std::optional<Address>& address);

  ServerOptions options;
  std::map<std::string, ReplyMaker> pages, files;
  std::map<std::string, SocketRoute> sockets;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  std::optional<ssl::context> tls;
  Counters counts;
  std::size_t open = 0;  // connections, on the reading thread
  std::map<const void*, std::weak_ptr<Closable>> clients;
  WorkQueue work;
  std::jthread reading;
};

void WebServer::State::listen() {
  if (!options.certificate.empty()) {
    tls.emplace(ssl::context::tls_server);
    try {
      tls->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                       ssl::context::no_tlsv1_1);
      tls->use_certificate_chain_file(options.certificate.string());
      tls->use_private_key_file(options.key.string(), ssl::context::pem);
    } catch (const boost::system::system_error& error) {
      throw Error(text("certificate: expected PEM files of a certificate and its key, got ",
                       options.certificate.string(), " and ", options.key.string(), ": ",
                       error.code().message()));
    }
  }
  const tcp::endpoint endpoint(asio::ip::make_address(options.address),
                               static_cast<unsigned short>(options.port));
  boost::system::error_code failed;
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    acceptor.close();
    throw Error(text("expected to listen on ", options.address, " port ", options.port, ": ",
                     failed.message(), ": choose another port, or 0 for a free one"));
  }
}

asio::awaitable<void> WebServer::State::accept_all() {
  for (;;) {
    auto [failed, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (failed == asio::error::operation_aborted) co_return;
    if (failed) {  // too many files open, say: not so often that the core burns
      asio::steady_timer pause(io, std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      continue;
    }
    if (open >= options.most_connections) {
      ++counts.refused;
      continue;  // closed at once
    }
    ++open;
    ++counts.connections;
    asio::co_spawn(io, greet(std::move(socket)), [this](const std::exception_ptr& fault) {
      --open;
      if (!fault) return;
      try {
        std::rethrow_exception(fault);
      } catch (const boost::system::system_error&) {
        // The client went away.
      } catch (const std::exception& error) {
        ++counts.errors;
        log::warn(text("a request failed: ", error.what()));
      }
    });
  }
}

asio::awaitable<void> WebServer::State::greet(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (!tls) {
    co_await serve(PlainStream(std::move(socket)));
    co_return;
  }
  TlsStream stream(std::move(socket), *tls);
  beast::get_lowest_layer(stream).expires_after(kRequestPatience);
  co_await stream.async_handshake(ssl::stream_base::server, asio::use_awaitable);
  co_await serve(std::move(stream));
}

Reply WebServer::State::reply_to(const Request& request, const Address& address) {
  Target target{{}, address.query};
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return {405, "text/plain; charset=utf-8", "expected GET\n"};
  }
  if (const auto file = files.find(address.path); file != files.end()) return file->second(target);
  const auto page = route_of(pages, address.path, target.rest);
  if (page == pages.end()) {
    const bool is_socket = route_of(sockets, address.path, target.rest) != sockets.end();
    return is_socket ? Reply{426, "text/plain; charset=utf-8", "expected a WebSocket\n"}
                     : Reply{404, "text/plain; charset=utf-8", "nothing is here\n"};
  }
  return page->second(target);
}

std::optional<Reply> WebServer::State::refusal_of(const Request& request,
                                                  const std::optional<Address>& address) {
  if (!address) return Reply{400, "text/plain; charset=utf-8", "expected another path\n"};
  const bool is_file = files.contains(address->path) && !websocket::is_upgrade(request);
  return refusal(request, *address, options, is_file);
}

template <class Stream>
asio::awaitable<void> WebServer::State::serve(Stream stream) {
  beast::flat_buffer buffer;
  for (bool more = true; more;) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMostHeaderBytes);
    beast::get_lowest_layer(stream).expires_after(kRequestPatience);
    const auto [failed, read] =
        co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (failed) break;
    auto request = parser.release();
    const auto address = address_of(request.target());
    const auto refused = refusal_of(request, address);
    if (!refused && websocket::is_upgrade(request)) {
      Target target{{}, address->query};
      const auto route = route_of(sockets, address->path, target.rest);
      if (route != sockets.end()) {
        co_await converse(std::move(stream), std::move(request), route->second, std::move(target));
        co_return;
      }
    }
    if (refused) ++counts.refused;
    more = request.keep_alive() && !refused;
    auto response =
        response_of(refused ? *refused : reply_to(request, *address), request.version(), more);
    if (request.method() == http::verb::head) response.body().clear();
    co_await http::async_write(stream, response, asio::use_awaitable);
  }
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable));
  } else {
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }
}

template <class Stream>
asio::awaitable<void> WebServer::State::converse(Stream stream, Request request,
                                                 const SocketRoute& route, Target target) {
  const auto client =
      std::make_shared<WebClient<Stream>>(std::move(stream), options, route.overload, work, counts);
  ++counts.open_sockets;
  clients[client.get()] = client;
  co_await client->run(std::move(request), route.conversation, std::move(target));
  clients.erase(client.get());
  --counts.open_sockets;
}

WebServer::WebServer(const ServerOptions& options) : state_(std::make_shared<State>(options)) {}

WebServer::~WebServer() {
  stop();
}

void WebServer::get(const std::string& path, ReplyMaker reply) {
  state_->pages[path] = std::move(reply);
}

void WebServer::file(const std::string& path, ReplyMaker reply) {
  state_->files[path] = std::move(reply);
}

void WebServer::socket(const std::string& path, ConversationMaker conversation, Overload overload) {
  state_->sockets[path] = {std::move(conversation), overload};
}

void WebServer::start() {
  state_->listen();
  asio::co_spawn(state_->io, state_->accept_all(), asio::detached);
  state_->reading = std::jthread([state = state_.get()] { state->io.run(); });
}

int WebServer::port() const {
  boost::system::error_code none;
  return state_->acceptor.local_endpoint(none).port();
}

std::string WebServer::url() const {
  const auto& address = state_->options.address;
  const bool six = address.find(':') != std::string::npos;
  return text(state_->tls ? "https" : "http", "://", six ? "[" : "", address, six ? "]" : "", ":",
              port());
}

void WebServer::stop() {
  auto& state = *state_;
  if (!state.reading.joinable()) return;
  asio::post(state.io, [&state] {
    boost::system::error_code ignored;
    state.acceptor.close(ignored);
    for (const auto& [key, client] : state.clients) {
      if (const auto open = client.lock()) open->say_goodbye();
    }
  });
  const auto end = std::chrono::steady_clock::now() + kGoodbyePatience;
  while (state.counts.open_sockets > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  state.io.stop();
  state.reading.join();
  state.work.stop();
}

ServerCounts WebServer::counts() const {
  const auto& from = state_->counts;
  return {from.connections, from.refused,     from.messages_in, from.messages_out,
          from.dropped_in,  from.dropped_out, from.errors,      from.open_sockets};
}

}  // namespace neurosplat
