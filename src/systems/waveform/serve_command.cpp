#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/interrupt.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/program/program.h"
#include "neurosplat/program/shipped_file.h"
#include "neurosplat/serving/web_server.h"
#include "neurosplat/systems/waveform/commands.h"
#include "neurosplat/systems/waveform/model_file.h"
#include "systems/waveform/waveform_services.h"

namespace neurosplat::apps {
namespace {

struct Options {
  std::filesystem::path model;
  ServerOptions server;
  std::int64_t message_mib = 8, keep_seconds = 600, ping_seconds = 20;
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
  expect_range("keep-seconds", options.keep_seconds, 1, 86400);
  expect_range("ping-seconds", options.ping_seconds, 1, 3600);
  auto server = options.server;
  server.most_message_bytes = static_cast<std::size_t>(options.message_mib) << 20U;
  server.patience = std::chrono::seconds(options.ping_seconds);
  check(server);
  return server;
}

int serve(Options options) {
  const auto server_options = server_of(options);
  if (options.model.empty()) options.model = shipped_file("waveform-flowers.safetensors");
  use_threads(options.threads);
  auto stored = load_waveform_autoencoder(options.model);
  WaveformServices::Limits limits;
  limits.keep = std::chrono::seconds(options.keep_seconds);
  WaveformServices services(std::move(stored.model), limits);
  WebServer server(server_options);
  services.add_to(server);
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
  while (!InterruptGuard::raised()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.stop();
  log::info("stopped");
  return 0;
}

}  // namespace

void add_live_serve(Program& program) {
  const auto options = std::make_shared<Options>();
  auto& command = program.add(
      "serve", "Serve pictures to waveforms and back over WebSockets, until SIGINT or SIGTERM.",
      [options] { return serve(*options); });
  command.add_option("--model", options->model,
                     "waveform autoencoder, run folder or .safetensors file; default: the shipped "
                     "waveform-flowers, where there is one");
  auto& server = options->server;
  command.add_option("--address", server.address, "of the interface to listen on")
      ->capture_default_str();
  command.add_option("--port", server.port, "0: any free one")->capture_default_str();
  command.add_option("--token", server.token,
                     "asked of every request (?token= or Authorization: Bearer); needed on an "
                     "address that other machines reach");
  command.add_option("--certificate", server.certificate, "PEM file; with --key all is TLS");
  command.add_option("--key", server.key, "PEM file of the certificate's private key");
  command.add_option("--message-mib", options->message_mib, "MiB of a message at most")
      ->capture_default_str();
  command.add_option("--connections", server.most_connections, "at once, at most")
      ->capture_default_str();
  command
      .add_option("--waiting", server.most_waiting,
                  "messages of a connection that wait; more drop the oldest")
      ->capture_default_str();
  command
      .add_option("--keep-seconds", options->keep_seconds,
                  "seconds that a picture which nobody watches is kept")
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
