// What a connection to the web server says: a request, and after an upgrade the frames of a
// WebSocket. Everything of the server but its sockets: the client's stream is in memory and ends
// with its bytes.
#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <utility>

#include "fuzz/readers.h"
#include "neurosplat/core/error.h"
#include "serving/web_client.h"

namespace neurosplat::fuzz {
namespace {

using namespace serving;
namespace http = beast::http;

/// What WebClient asks of a stream beyond reading and writing.
class MemoryStream : public beast::test::stream {
 public:
  using beast::test::stream::stream;
  void expires_never() {}
};

template <class Handler>
void async_teardown(beast::role_type role, MemoryStream& stream, Handler&& handler) {
  beast::test::async_teardown(role, static_cast<beast::test::stream&>(stream),
                              std::forward<Handler>(handler));
}

class Echo : public Conversation {
 public:
  explicit Echo(std::shared_ptr<Outbox> out) : out_(std::move(out)) {}
  void receive(Message message) override {
    // A conversation that fails must end the connection alone.
    if (message.bytes == "fail") throw Error("asked to fail");
    out_->send(std::move(message));
  }

 private:
  std::shared_ptr<Outbox> out_;
};

const ServerOptions& options() {
  static const auto asked = [] {
    ServerOptions some;
    some.token = "a b";
    some.most_message_bytes = 4096;
    some.patience = std::chrono::hours(1);
    return some;
  }();
  return asked;
}

/// Until nothing is left to do on either thread.
void finish(asio::io_context& io, WorkQueue& work) {
  constexpr auto kPatience = std::chrono::seconds(5);
  for (bool more = true; more;) {
    io.restart();
    more = io.run_for(kPatience) > 0;
    expect(io.stopped(), "a connection that outlives its client");
    std::promise<void> done;
    work.push([&] { done.set_value(); });
    done.get_future().wait();
  }
}

void converse(const Request& request, const Address& address, std::string_view frames) {
  static WorkQueue work;
  Counters counts;
  asio::io_context io(1);
  beast::test::stream browser(io);
  MemoryStream stream(io);
  stream.connect(browser);
  stream.append(frames);
  stream.close_remote();
  std::exception_ptr fault;
  const ConversationMaker maker = [](std::shared_ptr<Outbox> out, const Target&) {
    return std::make_unique<Echo>(std::move(out));
  };
  // Held as the server does it: until the conversation is over.
  const auto serve = [&]() -> asio::awaitable<void> {
    const auto client = std::make_shared<WebClient<MemoryStream>>(std::move(stream), options(),
                                                                  Overload::kWait, work, counts);
    Request asked = request;
    Target target{{}, address.query};
    // Named: GCC 12 destroys temporaries of such an expression twice.
    co_await client->run(std::move(asked), maker, std::move(target));
  };
  asio::co_spawn(io, serve, [&](const std::exception_ptr& thrown) { fault = thrown; });
  finish(io, work);
  if (fault) std::rethrow_exception(fault);
  expect(counts.messages_out <= counts.messages_in, "more answers than messages");
}

}  // namespace

void web_client(Bytes bytes) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(16384);
  boost::system::error_code failed;
  std::size_t used = 0;
  while (!failed && !parser.is_done() && used < bytes.size()) {
    const auto taken = parser.put(asio::buffer(bytes.data() + used, bytes.size() - used), failed);
    if (taken == 0) break;
    used += taken;
  }
  if (failed || !parser.is_done()) return;
  const auto request = parser.release();
  const auto address = address_of(request.target());
  if (!address) return;
  const auto refused = refusal(request, *address, options(), /*open=*/false);
  if (!refused && beast::websocket::is_upgrade(request)) {
    converse(request, *address, as_text(bytes.subspan(used)));
    return;
  }
  const auto response =
      response_of(refused.value_or(Reply{}), request.version(), request.keep_alive());
  expect(response.result_int() >= 200, "an answer without a status");
}

}  // namespace neurosplat::fuzz
