#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// What clients of the services say: the text's plain messages, {type, session_id, ...}, and the
/// original's envelopes, {payload, metadata}. Nothing in them is trusted.
namespace neurosplat {

struct MessageLimits {
  int deepest = 16;                                   ///< levels of a JSON text
  std::size_t most_unpacked = std::size_t{1} << 20U;  ///< bytes of a compressed list
  std::uint64_t most_pixels = 16'000'000;             ///< of a picture
};

struct ServiceMessage {
  bool envelope = false;
  std::string session;                ///< session_id, or the envelope's user_id
  nlohmann::ordered_json metadata;    ///< the envelope's, to be given back
  std::optional<at::Tensor> latent;   ///< float32 [d]
  std::optional<at::Tensor> picture;  ///< uint8 [3, H, W]
};

/// Throws Error, one line, for what is no such message, a session's name that is empty or longer
/// than 128 bytes or has control characters, a latent that is not `latent` finite numbers, a
/// picture that is none. The session is known in `session` as soon as it was read, for the answer.
ServiceMessage parse_message(const std::string& text, std::int64_t latent,
                             const MessageLimits& limits, std::string& session);

/// The same, of a latent's numbers, as the original sends them: a JSON list, zlib, base64.
std::string packed_list(const at::Tensor& numbers);

}  // namespace neurosplat
