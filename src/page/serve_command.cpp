#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/page/served_part.h"

namespace neurosplat::apps {
namespace {

struct Options {
  ServerOptions server;
  LivePage::Limits page;
  std::int64_t message_mib = 8, ping_seconds = 20;
  int threads = 0;
  bool echo = false;
};

class Echo : public Conversation {
 public:
  explicit Echo(std::shared_ptr<Outbox> out) : out_(std::move(out)) {}
  void receive(Message message) override { out_->send(std::move(message)); }

 private:
  std::shared_ptr<Outbox> out_;
};

void expect_range(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return;
  throw UsageError(text(name, ": expected ", least, " to ", most, ", got ", value));
}

ServerOptions server_of(const Options& options) {
  expect_range("message-mib", options.message_mib, 1, 1024);
  expect_range("ping-seconds", options.ping_seconds, 1, 3600);
  auto server = options.server;
  server.most_message_bytes = static_cast<std::size_t>(options.message_mib) << 20U;
  server.patience = std::chrono::seconds(options.ping_seconds);
  check(server);
  return server;
}

void add_counts(MetricsText& metrics, const ServerCounts& counts) {
  metrics.counter("websocket_url_requests_total", "Connections accepted.", counts.connections);
  metrics.gauge("active_websockets", "WebSockets open now.", counts.open_sockets);
  metrics.counter("connection_errors_total", "Connections that failed.", counts.errors);
  metrics.counter("messages_received_total", "Messages of clients.", counts.messages_in);
  metrics.counter("messages_sent_total", "Messages to clients.", counts.messages_out);
  metrics.counter("messages_dropped_in_total", "Messages of clients that were too many.",
                  counts.dropped_in);
  metrics.counter("messages_dropped_out_total", "Messages to clients that were too slow.",
                  counts.dropped_out);
  metrics.counter("requests_refused_total", "Requests without token, from other pages, too many.",
                  counts.refused);
}

int serve(const Options& options, const std::vector<ServedPart>& parts) {
  const auto server_options = server_of(options);
  use_threads(options.threads);
  std::unique_ptr<LivePage> page;  // this and the parts outlive the server's threads
  WebServer server(server_options);
  Served served{server};
  for (const auto& part : parts) part.join(served);
  page = std::make_unique<LivePage>(std::move(served.modes), options.page);
  page->add_to(server);
  for (const auto& path : served.metrics_paths) {
    server.get(path, [&](const Target&) {
      MetricsText metrics;
      add_counts(metrics, server.counts());
      page->add_to(metrics);
      for (const auto& add : served.metrics) add(metrics);
      return Reply{200, MetricsText::kType, metrics.body()};
    });
  }
  if (options.echo) {
    server.socket(
        "/echo",
        [](std::shared_ptr<Outbox> out, const Target&) {
          return std::make_unique<Echo>(std::move(out));
        },
        Overload::kWait);
  }
  const InterruptGuard interrupt;
  server.start();
  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);
  if (!server_options.token.empty()) log::info("open it with /?token= and the token behind");
  while (!InterruptGuard::raised()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.stop();
  for (const auto& end : served.endings) end();
  log::info("stopped");
  return 0;
}

}  // namespace

void add_live_serve(Program& program, const std::vector<ServedPart>& parts) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add("serve",
                              "Serve a page that sees live in a browser, and pictures to waveforms "
                              "and back over WebSockets, until SIGINT or SIGTERM.",
                              [options, parts] { return serve(*options, parts); });
  for (const auto& part : parts) part.add_options(command);
  auto& server = options->server;
  command.add_option("--address", server.address, "of the interface to listen on")
      ->capture_default_str();
  command.add_option("--port", server.port, "0: any free one")->capture_default_str();
  command.add_option("--token", server.token,
                     "asked of every request but the page's own files (?token= or Authorization: "
                     "Bearer); needed on an address that other machines reach");
  command.add_option("--certificate", server.certificate, "PEM file; with --key all is TLS");
  command.add_option("--key", server.key, "PEM file of the certificate's private key");
  command.add_option("--message-mib", options->message_mib, "MiB of a message at most")
      ->capture_default_str();
  command.add_option("--connections", server.most_connections, "at once, at most")
      ->capture_default_str();
  command.add_option("--viewers", options->page.most_viewers, "of live modes at once, at most")
      ->capture_default_str();
  command
      .add_option("--waiting", server.most_waiting,
                  "messages of a connection that wait; more drop the oldest")
      ->capture_default_str();
  command
      .add_option("--ping-seconds", options->ping_seconds,
                  "seconds of silence before a ping; after twice as many the client is gone")
      ->capture_default_str();
  command.add_option("--threads", options->threads, "CPU threads; 0: all cores")
      ->capture_default_str();
  command.add_flag("--echo", options->echo, "also /echo, which says what it is told, for tests");
}

}  // namespace neurosplat::apps
