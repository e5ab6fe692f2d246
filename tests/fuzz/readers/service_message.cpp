// A message of a client of the waveform services.
#include "systems/waveform/service_messages.h"

#include "fuzz/readers.h"

namespace neurosplat::fuzz {

void service_message(Bytes bytes) {
  const MessageLimits limits{.deepest = 16, .most_unpacked = 4096, .most_pixels = 4096};
  std::string session;
  const auto message = parse_message(std::string(as_text(bytes)), 3, limits, session);
  expect(message.session == session && !session.empty(), "a message of nobody");
  expect(message.latent.has_value() != message.picture.has_value(),
         "neither a latent nor a picture, or both");
  if (message.latent) expect(message.latent->numel() == 3, "a latent of another size");
  message.metadata.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace neurosplat::fuzz
