#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "neurosplat/serving/metrics_text.h"
#include "neurosplat/serving/web_server.h"
#include "neurosplat/signals/signal_sink.h"
#include "neurosplat/systems/waveform/waveform_autoencoder.h"
#include "systems/waveform/service_messages.h"

namespace neurosplat {

/// Where the original's services are, below its root path.
inline constexpr const char* kOriginalRoot = "/thought-to-image-simulation-api";

/// Simulation and relay in one program (docs/waveform.md, "Services"): a picture becomes a waveform
/// and its latent, a latent becomes a picture, and whoever watches a session gets the pictures; the
/// last one is kept for 600 s where nobody does.
class WaveformServices {
 public:
  struct Limits {
    MessageLimits messages;
    std::chrono::seconds keep = std::chrono::seconds(600);
    std::size_t most_sessions = 1000;  ///< with a kept picture; the oldest goes first
  };

  /// `signal`, where there is one, gets every waveform as it is made: a channel for each electrode,
  /// samples at kSnippetRate.
  WaveformServices(WaveformAutoencoder model, const Limits& limits,
                   std::shared_ptr<SignalSink> signal = nullptr);

  /// Routes of both formats, and /health. The server must not outlive this.
  void add_to(WebServer& server);
  void add_to(MetricsText& metrics) const;

  std::int64_t kept() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Session {
    std::vector<std::weak_ptr<Outbox>> watchers;
    std::string kept;  ///< a message; empty where none waits
    Clock::time_point since;
  };
  class Service;

  Message simulate(const ServiceMessage& said);
  Message reconstruct(const ServiceMessage& said);
  std::string drawn_message(const ServiceMessage& said, const at::Tensor& latent);
  void deliver(const std::string& session, const std::string& message);
  void watch(const std::string& session, const std::shared_ptr<Outbox>& out);
  void forget_old();
  Reply health() const;

  void send_signal(const at::Tensor& waveform);

  WaveformAutoencoder model_;
  Limits limits_;
  std::shared_ptr<SignalSink> signal_;
  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;
  mutable std::atomic<std::uint64_t> health_requests_ = 0;
  std::atomic<std::uint64_t> simulated_ = 0, reconstructed_ = 0, errors_ = 0;
};

}  // namespace neurosplat
