#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A client that waits for each answer, for tests.
namespace neurosplat::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpAnswer {
  unsigned status;
  std::string body;
  std::string policy;
};

inline HttpAnswer http_get(int port, const std::string& target, const Headers& headers = {},
                           const std::string& host = "127.0.0.1") {
  namespace http = boost::beast::http;
  boost::asio::io_context io;
  boost::beast::tcp_stream stream(io);
  stream.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port)});
  http::request<http::empty_body> request{http::verb::get, target, 11};
  request.set(http::field::host, host);
  for (const auto& [name, value] : headers) request.set(name, value);
  http::write(stream, request);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(stream, buffer, response);
  return {response.result_int(), response.body(), std::string(response["Content-Security-Policy"])};
}

class SocketClient {
 public:
  explicit SocketClient(int port, const std::string& target, const Headers& headers = {})
      : ws_(io_) {
    boost::beast::get_lowest_layer(ws_).connect(
        {boost::asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port)});
    ws_.set_option(boost::beast::websocket::stream_base::decorator(
        [headers](boost::beast::websocket::request_type& request) {
          for (const auto& [name, value] : headers) request.set(name, value);
        }));
    ws_.handshake("127.0.0.1:" + std::to_string(port), target);
    ws_.read_message_max(std::size_t{1} << 28U);
  }

  void send(const std::string& message, bool text = true) {
    ws_.text(text);
    ws_.write(boost::asio::buffer(message));
  }
  /// The next message; nothing when the connection ended.
  std::optional<std::string> receive() {
    boost::beast::flat_buffer buffer;
    boost::system::error_code failed;
    ws_.read(buffer, failed);
    if (failed) return std::nullopt;
    return boost::beast::buffers_to_string(buffer.data());
  }
  /// Of the other side, after receive() found the end.
  int close_code() const { return ws_.reason().code; }
  void send_raw(const std::string& bytes) {
    boost::system::error_code ignored;
    boost::asio::write(ws_.next_layer().socket(), boost::asio::buffer(bytes), ignored);
  }
  boost::asio::ip::tcp::socket& socket() { return ws_.next_layer().socket(); }

 private:
  boost::asio::io_context io_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> ws_;
};

}  // namespace neurosplat::testing
