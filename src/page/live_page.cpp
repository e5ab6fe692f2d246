#include "neurosplat/page/live_page.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/log.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/picture_bytes.h"
#include "page/page_files.h"

namespace neurosplat {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 8;
constexpr std::size_t kLongestText = 4096, kNumberBytes = 4;

Message text_message(const Json& json) {
  return {true, json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Json parsed(const std::string& said) {
  if (said.size() > kLongestText) {
    throw Error(text("expected a message of at most ", kLongestText, " bytes"));
  }
  const auto guard = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw Error(text("expected JSON of at most ", kDeepest, " levels"));
    return true;
  };
  try {
    auto json = Json::parse(said, guard);
    if (!json.is_object()) throw Error("expected a JSON object");
    return json;
  } catch (const Json::exception&) {
    throw Error("expected a message in JSON");
  }
}

std::uint32_t number_at_front(const std::string& bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return number;
}

std::string with_number_in_front(std::size_t number, const std::string& rest) {
  std::string bytes;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    bytes += static_cast<char>((number >> (8 * i)) & 0xFFU);
  }
  return bytes + rest;
}

Json description_of(const std::vector<PageMode>& modes) {
  auto list = Json::array();
  for (const auto& mode : modes) {
    auto choices = Json::array();
    for (const auto& choice : mode.choices) {
      choices.push_back({{"name", choice.name}, {"values", choice.values}});
    }
    list.push_back({{"name", mode.name},
                    {"title", mode.title},
                    {"help", mode.help},
                    {"panels", mode.panels},
                    {"gap", mode.gap},
                    {"panel_names", mode.panel_names},
                    {"choices", choices},
                    {"lossless", mode.lossless},
                    {"script", mode.script}});
  }
  return {{"type", "modes"}, {"modes", list}};
}

/// Every choice of the mode, as asked or its default.
std::map<std::string, std::string> chosen_of(const PageMode& mode, const Json& said) {
  std::map<std::string, std::string> chosen;
  for (const auto& choice : mode.choices) chosen[choice.name] = choice.values.front();
  if (!said.contains("choices")) return chosen;
  if (!said["choices"].is_object()) throw Error("expected 'choices', an object");
  for (const auto& [name, value] : said["choices"].items()) {
    const auto found = std::ranges::find(mode.choices, name, &PageChoice::name);
    if (found == mode.choices.end()) {
      throw Error(text("expected a choice of the mode ", mode.name, ", got another"));
    }
    const auto wanted = value.is_string() ? value.get<std::string>() : std::string();
    if (std::ranges::find(found->values, wanted) == found->values.end()) {
      throw Error(text("expected one of the values of ", name, ", got another"));
    }
    chosen[name] = wanted;
  }
  return chosen;
}

}  // namespace

/// One browser. Every message has an answer.
class LivePage::Viewer : public Conversation {
 public:
  Viewer(LivePage& page, std::shared_ptr<Outbox> out) : page_(page), out_(std::move(out)) {
    out_->send(text_message(description_of(page_.modes_)));
  }
  ~Viewer() override { leave(); }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  void receive(Message message) override {
    const at::NoGradGuard no_gradient;
    std::optional<std::uint32_t> frame;
    try {
      if (message.text) {
        obey(parsed(message.bytes));
        return;
      }
      if (message.bytes.size() <= kNumberBytes) {
        throw Error("expected a frame: four bytes of its number, then a picture");
      }
      frame = number_at_front(message.bytes);
      see(*frame, std::string_view(message.bytes).substr(kNumberBytes));
    } catch (const std::exception& error) {
      ++page_.errors_;
      log::warn(text("a viewer's message was refused: ", error.what()));
      Json said = {{"type", "error"}, {"message", error.what()}};
      if (frame) said["frame"] = *frame;
      out_->send(text_message(said));
    }
  }

 private:
  void obey(const Json& said) {
    if (said.contains("mode")) {
      choose(said);
    } else if (said.contains("reset")) {
      if (actions_ && actions_->reset) actions_->reset();
      out_->send(text_message({{"type", "reset"}}));
    } else {
      throw Error("expected 'mode' or 'reset'");
    }
  }

  void choose(const Json& said) {
    const auto name = said["mode"].is_string() ? said["mode"].get<std::string>() : std::string();
    const auto mode = std::ranges::find(page_.modes_, name, &PageMode::name);
    if (mode == page_.modes_.end()) throw Error("expected the name of a mode, got another");
    if (!mode->make)
      throw Error(text("the mode ", name, " has sockets of its own: expected another"));
    const auto chosen = chosen_of(*mode, said);
    if (!actions_ && !enter()) {
      throw Error(text("expected at most ", page_.limits_.most_viewers,
                       " viewers at once: close another page"));
    }
    try {
      actions_ = mode->make(chosen);
      mode_ = &*mode;
    } catch (...) {
      if (!actions_) leave();
      throw;
    }
    out_->send(text_message({{"type", "mode"}, {"mode", name}, {"choices", chosen}}));
  }

  void see(std::uint32_t number, std::string_view bytes) {
    if (!actions_) throw Error("expected a mode before frames");
    const FairThreads threads;
    threads.begin_turn();
    Frame frame{decode_picture(bytes, page_.limits_.most_pixels), text(number)};
    const auto seen = actions_->see(frame);
    Json said = {{"frame", number},
                 {"mode", mode_->name},
                 {"latency_ms", seen.latency_ms},
                 {"note", seen.note}};
    auto numbers = Json::object();
    const auto count = std::min(seen.numbers.size(), mode_->columns.size());
    for (std::size_t i = 0; i < count; ++i) numbers[mode_->columns[i]] = seen.numbers[i];
    said["numbers"] = numbers;
    const auto header = text_message(said).bytes;
    ++page_.frames_;
    out_->send({false, with_number_in_front(header.size(), header + encode_jpeg(seen.panels))});
  }

  bool enter() {
    const auto now = ++page_.viewers_;
    in_ = now <= static_cast<std::int64_t>(page_.limits_.most_viewers);
    if (!in_) --page_.viewers_;
    return in_;
  }
  void leave() {
    if (std::exchange(in_, false)) --page_.viewers_;
  }

  LivePage& page_;
  std::shared_ptr<Outbox> out_;
  const PageMode* mode_ = nullptr;
  std::optional<ModeActions> actions_;
  bool in_ = false;
};

LivePage::LivePage(std::vector<PageMode> modes, const Limits& limits)
    : modes_(std::move(modes)), limits_(limits) {}

void LivePage::add_to(WebServer& server) {
  for (const auto& [path, reply] : page_files()) {
    server.file(path, [reply](const Target&) { return reply; });
  }
  server.socket("/live", [this](std::shared_ptr<Outbox> out, const Target&) {
    return std::make_unique<Viewer>(*this, std::move(out));
  });
}

void LivePage::add_to(MetricsText& metrics) const {
  metrics.gauge("page_viewers", "Viewers of live modes.", viewers_.load());
  metrics.counter("page_frames_total", "Frames that live modes saw.", frames_.load());
  metrics.counter("page_errors_total", "Messages of viewers that were refused.", errors_.load());
}

}  // namespace neurosplat
