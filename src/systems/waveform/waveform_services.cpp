#include "systems/waveform/waveform_services.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/io/picture_bytes.h"
#include "neurosplat/recordings/recording.h"

namespace neurosplat {
namespace {

using Json = nlohmann::ordered_json;

Json list_of(const at::Tensor& numbers) {
  auto list = Json::array();
  const auto flat = numbers.to(at::kFloat).contiguous();
  const auto* first = flat.const_data_ptr<float>();
  for (std::int64_t i = 0; i < flat.numel(); ++i) list.push_back(first[i]);
  return list;
}

Json waveform_of(const at::Tensor& waveform) {
  auto rows = Json::array();
  for (const auto& electrode : waveform.unbind()) rows.push_back(list_of(electrode));
  return rows;
}

Message text_message(const Json& json) {
  return {true, json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace

/// One client of a service: every message has an answer, an error at worst.
class WaveformServices::Service : public Conversation {
 public:
  using Answer = std::function<Message(const ServiceMessage&)>;

  Service(WaveformServices& services, std::shared_ptr<Outbox> out, Answer answer)
      : services_(services), out_(std::move(out)), answer_(std::move(answer)) {}

  void receive(Message message) override {
    const at::NoGradGuard no_gradient;
    std::string session;
    try {
      const auto latent = services_.model_.architecture().latent;
      out_->send(
          answer_(parse_message(message.bytes, latent, services_.limits_.messages, session)));
    } catch (const std::exception& error) {
      ++services_.errors_;
      log::warn(text("a message was refused: ", error.what()));
      out_->send(text_message({{"type", "error"},
                               {"session_id", session},
                               {"code", "bad_message"},
                               {"message", error.what()}}));
    }
  }

 private:
  WaveformServices& services_;
  std::shared_ptr<Outbox> out_;
  Answer answer_;
};

WaveformServices::WaveformServices(WaveformAutoencoder model, const Limits& limits,
                                   std::shared_ptr<SignalSink> signal)
    : model_(std::move(model)), limits_(limits), signal_(std::move(signal)) {}

void WaveformServices::add_to(WebServer& server) {
  const std::string root = kOriginalRoot;
  const auto service = [&](const std::string& plain, const std::string& original,
                           const Service::Answer& answer) {
    for (const auto& path : {plain, root + original}) {
      server.socket(path, [this, answer](std::shared_ptr<Outbox> out, const Target&) {
        return std::make_unique<Service>(*this, std::move(out), answer);
      });
    }
  };
  service("/simulate", "/simulate/ws/simulate-image-to-waveform-latent",
          [this](const ServiceMessage& said) { return simulate(said); });
  service("/reconstruct", "/reconstruct/ws/reconstruct-image-from-waveform-latent",
          [this](const ServiceMessage& said) { return reconstruct(said); });
  for (const std::string& path : {std::string("/frontend/"), root + "/reconstruct/ws/frontend/"}) {
    server.socket(path, [this](std::shared_ptr<Outbox> out, const Target& target) {
      watch(target.rest, out);
      // Watchers may send latents too.
      return std::make_unique<Service>(
          *this, std::move(out), [this](const ServiceMessage& said) { return reconstruct(said); });
    });
  }
  for (const auto& path : {std::string(), root}) {
    server.get(path + "/health", [this](const Target&) { return health(); });
  }
}

Message WaveformServices::simulate(const ServiceMessage& said) {
  if (!said.picture) throw Error("expected a picture (image_base64) to simulate");
  const auto side = model_.architecture().image_size;
  const auto square = to_unit_range(centre_square(*said.picture, side), model_.device());
  const auto waveform = model_.waveforms(model_.encode(square.unsqueeze(0)).latent);
  const auto latent = model_.encode_waveforms(waveform)[0].cpu();
  const auto recorded = model_.in_recorded_units(waveform)[0].cpu();
  ++simulated_;
  send_signal(recorded);
  deliver(said.session, drawn_message(said, latent));
  if (said.envelope) {
    return text_message({{"status", "success"},
                         {"payload",
                          {{"waveform_latent", packed_list(latent)},
                           {"synthetic_waveform", packed_list(recorded)}}},
                         {"metadata", said.metadata}});
  }
  return text_message({{"type", "waveform_latent"},
                       {"session_id", said.session},
                       {"payload", list_of(latent)},
                       {"waveform", waveform_of(recorded)}});
}

void WaveformServices::send_signal(const at::Tensor& waveform) {
  if (!signal_) return;
  const auto samples = waveform.t().contiguous();
  const auto times = at::arange(samples.size(0), at::kDouble) / kSnippetRate + signal_clock();
  signal_->push(samples, times);
}

Message WaveformServices::reconstruct(const ServiceMessage& said) {
  if (!said.latent) throw Error("expected a latent (payload) to reconstruct");
  const auto message = drawn_message(said, *said.latent);
  deliver(said.session, message);
  if (said.envelope) {
    return text_message({{"status", "success"},
                         {"message", "the picture was passed on"},
                         {"metadata", said.metadata}});
  }
  return {true, message};
}

std::string WaveformServices::drawn_message(const ServiceMessage& said, const at::Tensor& latent) {
  const auto picture = model_.decode(latent.unsqueeze(0).to(model_.device()))[0].cpu();
  ++reconstructed_;
  if (said.envelope) {
    return text_message({{"type", "reconstructed_image"},
                         {"status", "success"},
                         {"metadata", said.metadata},
                         {"image_data", to_base64(encode_png(picture))},
                         {"image_format", "png"}})
        .bytes;
  }
  return text_message(
             {{"type", "reconstructed_image"},
              {"session_id", said.session},
              {"image_base64", "data:image/jpeg;base64," + to_base64(encode_jpeg(picture))}})
      .bytes;
}

void WaveformServices::deliver(const std::string& session, const std::string& message) {
  const std::lock_guard lock(mutex_);
  forget_old();
  auto& found = sessions_[session];
  std::erase_if(found.watchers, [](const auto& watcher) { return watcher.expired(); });
  for (const auto& watcher : found.watchers) {
    if (const auto out = watcher.lock()) out->send({true, message});
  }
  found.since = Clock::now();
  found.kept = found.watchers.empty() ? message : std::string();
}

void WaveformServices::watch(const std::string& session, const std::shared_ptr<Outbox>& out) {
  const std::lock_guard lock(mutex_);
  forget_old();
  auto& found = sessions_[session];
  found.watchers.emplace_back(out);
  found.since = Clock::now();
  if (!found.kept.empty()) out->send({true, std::exchange(found.kept, {})});
}

/// Sessions without watchers whose picture is old, then the oldest of too many.
void WaveformServices::forget_old() {
  const auto now = Clock::now();
  const auto watched = [](const Session& session) {
    return std::ranges::any_of(session.watchers, [](const auto& one) { return !one.expired(); });
  };
  std::erase_if(sessions_, [&](const auto& item) {
    const auto& session = item.second;
    return !watched(session) && (session.kept.empty() || now - session.since > limits_.keep);
  });
  while (sessions_.size() >= limits_.most_sessions) {
    auto oldest = sessions_.end();
    for (auto item = sessions_.begin(); item != sessions_.end(); ++item) {
      if (!watched(item->second) &&
          (oldest == sessions_.end() || item->second.since < oldest->second.since)) {
        oldest = item;
      }
    }
    if (oldest == sessions_.end()) return;
    sessions_.erase(oldest);
  }
}

std::int64_t WaveformServices::kept() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::count_if(sessions_,
                               [](const auto& item) { return !item.second.kept.empty(); });
}

Reply WaveformServices::health() const {
  ++health_requests_;
  const auto& sizes = model_.architecture();
  return {200, "application/json",
          text_message({{"status", "ok"},
                        {"image_size", sizes.image_size},
                        {"latent", sizes.latent},
                        {"electrodes", sizes.electrodes},
                        {"samples", sizes.samples}})
                  .bytes +
              "\n"};
}

void WaveformServices::add_to(MetricsText& metrics) const {
  metrics.counter("health_requests_total", "Requests for /health.", health_requests_.load());
  metrics.counter("visual_thoughts_simulated_total", "Pictures that became waveforms.",
                  simulated_.load());
  metrics.counter("visual_thoughts_reconstructed_total", "Latents that became pictures.",
                  reconstructed_.load());
  metrics.counter("websocket_errors_total", "Messages that were refused.", errors_.load());
  metrics.gauge("kept_images", "Pictures that wait for a watcher.", kept());
}

}  // namespace neurosplat
