#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/serving/web_server.h"
#include "serving/web_access.h"
#include "serving/web_work.h"

namespace neurosplat::serving {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

/// What a server asks of a connection that it stops.
class Closable {
 public:
  virtual ~Closable() = default;
  /// On the reading thread.
  virtual void say_goodbye() = 0;
};

/// What a conversation holds of its client, which owns the conversation: no more than a way to it.
class WayBack : public Outbox {
 public:
  explicit WayBack(std::weak_ptr<Outbox> client) : client_(std::move(client)) {}
  void send(Message message) override {
    if (const auto client = client_.lock()) client->send(std::move(message));
  }

 private:
  std::weak_ptr<Outbox> client_;
};

/// One WebSocket. Everything but send() and work_one() runs on the reading thread.
template <class Stream>
class WebClient : public Outbox,
                  public Closable,
                  public std::enable_shared_from_this<WebClient<Stream>> {
 public:
  WebClient(Stream stream, const ServerOptions& options, Overload overload, WorkQueue& work,
            Counters& counts)
      : ws_(std::move(stream)),
        options_(options),
        overload_(overload),
        work_(work),
        counts_(counts),
        to_send_(ws_.get_executor(), asio::steady_timer::time_point::max()),
        has_room_(ws_.get_executor(), asio::steady_timer::time_point::max()) {}

  asio::awaitable<void> run(Request request, ConversationMaker maker, Target target) {
    const auto self = this->shared_from_this();
    beast::get_lowest_layer(ws_).expires_never();
    websocket::stream_base::timeout patience{std::chrono::seconds(10), 2 * options_.patience, true};
    ws_.set_option(patience);
    ws_.read_message_max(options_.most_message_bytes);
    try {
      co_await ws_.async_accept(request, asio::use_awaitable);
      accepted_ = true;
      conversation_ = maker(std::make_shared<WayBack>(self), target);
      asio::co_spawn(
          ws_.get_executor(), [self] { return self->write(); }, asio::detached);
      co_await read();
    } catch (const boost::system::system_error&) {
      // The client is gone, or broke the rules: Beast has told it so.
    } catch (const std::exception& error) {
      ++counts_.errors;
      log::warn(text("a connection ended: ", error.what()));
    }
    closed_ = true;
    to_send_.cancel();
    has_room_.cancel();
  }

  void send(Message message) override {
    {
      const std::lock_guard lock(mutex_);
      if (outgoing_.size() >= options_.most_waiting && overload_ == Overload::kDropOldest) {
        outgoing_.pop_front();
        ++counts_.dropped_out;
      }
      outgoing_.push_back(std::move(message));
    }
    asio::post(ws_.get_executor(), [self = this->shared_from_this()] { self->to_send_.cancel(); });
  }

  void say_goodbye() override { close(websocket::close_code::going_away); }

 private:
  asio::awaitable<void> read() {
    beast::flat_buffer buffer;
    for (;;) {
      co_await ws_.async_read(buffer, asio::use_awaitable);
      ++counts_.messages_in;
      Message message{ws_.got_text(), beast::buffers_to_string(buffer.data())};
      // A large message must not keep its memory for the rest of a quiet connection's life.
      buffer = beast::flat_buffer();
      while (overload_ == Overload::kWait && waiting() >= options_.most_waiting) {
        co_await wait_for(has_room_);
      }
      take(std::move(message));
    }
  }

  asio::awaitable<void> write() {
    const auto self = this->shared_from_this();
    try {
      while (!closed_) {
        auto message = next_to_send();
        if (!message) {
          co_await wait_for(to_send_);
          continue;
        }
        ws_.text(message->text);
        co_await ws_.async_write(asio::buffer(message->bytes), asio::use_awaitable);
        ++counts_.messages_out;
        has_room_.cancel();
      }
    } catch (const boost::system::system_error&) {
      // The reader sees the same and ends the connection.
    }
  }

  static asio::awaitable<void> wait_for(asio::steady_timer& event) {
    try {
      co_await event.async_wait(asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      // Cancelled: it has happened.
    }
  }

  std::optional<Message> next_to_send() {
    const std::lock_guard lock(mutex_);
    if (outgoing_.empty()) return std::nullopt;
    auto message = std::move(outgoing_.front());
    outgoing_.pop_front();
    return message;
  }

  /// Messages that wait for work or for being sent.
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return incoming_.size() + outgoing_.size();
  }

  void take(Message message) {
    {
      const std::lock_guard lock(mutex_);
      if (overload_ == Overload::kDropOldest && incoming_.size() >= options_.most_waiting) {
        incoming_.pop_front();
        ++counts_.dropped_in;
      }
      incoming_.push_back(std::move(message));
      if (std::exchange(scheduled_, true)) return;
    }
    work_.push([self = this->shared_from_this()] { self->work_one(); });
  }

  /// On the working thread: one message, then it is another connection's turn.
  void work_one() {
    Message message;
    {
      const std::lock_guard lock(mutex_);
      message = std::move(incoming_.front());
      incoming_.pop_front();
    }
    bool failed = false;
    try {
      if (!closed_) conversation_->receive(std::move(message));
    } catch (const std::exception& error) {
      ++counts_.errors;
      log::warn(text("a conversation ended: ", error.what()));
      failed = true;
    }
    const auto self = this->shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      if (failed) incoming_.clear();
      scheduled_ = !incoming_.empty();
      if (scheduled_) work_.push([self] { self->work_one(); });
    }
    asio::post(ws_.get_executor(), [self, failed] {
      self->has_room_.cancel();
      if (failed) self->close(websocket::close_code::internal_error);
    });
  }

  void close(websocket::close_code code) {
    if (closed_ || std::exchange(closing_, true)) return;
    if (!accepted_) {  // the handshake is being written: nothing else may be
      beast::get_lowest_layer(ws_).close();
      return;
    }
    asio::co_spawn(
        ws_.get_executor(),
        [self = this->shared_from_this(), code]() -> asio::awaitable<void> {
          try {
            co_await self->ws_.async_close(code, asio::use_awaitable);
          } catch (const boost::system::system_error&) {
          }
        },
        asio::detached);
  }

  websocket::stream<Stream> ws_;
  const ServerOptions& options_;
  Overload overload_;
  WorkQueue& work_;
  Counters& counts_;
  asio::steady_timer to_send_, has_room_;  // events: cancelled when they happen
  std::unique_ptr<Conversation> conversation_;
  std::mutex mutex_;
  std::deque<Message> incoming_, outgoing_;
  bool scheduled_ = false;
  bool accepted_ = false, closing_ = false;  // of the reading thread
  std::atomic<bool> closed_ = false;
};

}  // namespace neurosplat::serving
