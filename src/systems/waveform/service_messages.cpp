#include "systems/waveform/service_messages.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/picture_bytes.h"

namespace neurosplat {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestSession = 128;

Json parsed(const std::string& text, int deepest) {
  const auto guard = [deepest](int depth, Json::parse_event_t, Json&) {
    if (depth > deepest)
      throw Error(neurosplat::text("expected JSON of at most ", deepest, " levels"));
    return true;
  };
  try {
    return Json::parse(text, guard);
  } catch (const Json::exception&) {
    throw Error("expected a message in JSON");
  }
}

const Json* find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string name_in(const Json& object, const char* key) {
  const auto* name = find(object, key);
  if (name == nullptr || !name->is_string()) throw Error(text("expected '", key, "', text"));
  auto value = name->get<std::string>();
  if (value.empty() || value.size() > kLongestSession ||
      std::ranges::any_of(value, [](unsigned char c) { return c < 32 || c == 127; })) {
    throw Error(text("expected '", key, "' of 1 to ", kLongestSession, " bytes, none of control"));
  }
  return value;
}

std::string inflated(const std::string& packed, std::size_t most) {
  std::string content(most, '\0');
  auto length = static_cast<uLongf>(most);
  const int status =
      uncompress(reinterpret_cast<Bytef*>(content.data()), &length,
                 reinterpret_cast<const Bytef*>(packed.data()), static_cast<uLong>(packed.size()));
  if (status == Z_BUF_ERROR) throw Error(text("expected a list of at most ", most, " bytes"));
  if (status != Z_OK) throw Error("expected a list packed by zlib");
  content.resize(length);
  return content;
}

at::Tensor latent_of(const Json& list, std::int64_t count) {
  // [[...]] of one row is a row.
  const auto& row = list.is_array() && list.size() == 1 && list[0].is_array() ? list[0] : list;
  if (!row.is_array() || static_cast<std::int64_t>(row.size()) != count) {
    throw Error(text("expected a latent of ", count, " numbers, got ",
                     row.is_array() ? text(row.size()) : std::string("something else")));
  }
  auto latent = at::empty({count}, at::kFloat);
  auto* numbers = latent.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double value = row[i].is_number() ? row[i].get<double>() : std::nan("");
    // Beyond, float has no such number.
    if (!(std::abs(value) < 1e30)) throw Error("expected a latent of finite numbers");
    numbers[i] = static_cast<float>(value);
  }
  return latent;
}

at::Tensor picture_of(const Json& said, const MessageLimits& limits) {
  if (!said.is_string()) throw Error("expected 'image_base64', text");
  std::string_view base64 = said.get_ref<const std::string&>();
  if (base64.starts_with("data:")) {
    const auto comma = base64.find(',');
    if (comma == std::string_view::npos) throw Error("expected a data URL with a comma");
    base64.remove_prefix(comma + 1);
  }
  return decode_picture(from_base64(base64), limits.most_pixels);
}

}  // namespace

ServiceMessage parse_message(const std::string& text, std::int64_t latent,
                             const MessageLimits& limits, std::string& session) {
  const auto json = parsed(text, limits.deepest);
  const auto *payload = find(json, "payload"), *metadata = find(json, "metadata");
  ServiceMessage message;
  message.envelope = metadata != nullptr;
  if (message.envelope) {
    message.metadata = *metadata;
    message.session = session = name_in(*metadata, "user_id");
    const auto* packed = payload == nullptr ? nullptr : find(*payload, "waveform_latent");
    const auto* image = payload == nullptr ? nullptr : find(*payload, "image_base64");
    if (packed != nullptr) {
      const auto list = packed->is_string()
                            ? parsed(inflated(from_base64(packed->get_ref<const std::string&>()),
                                              limits.most_unpacked),
                                     limits.deepest)
                            : *packed;
      message.latent = latent_of(list, latent);
    } else if (image != nullptr) {
      message.picture = picture_of(*image, limits);
    }
  } else {
    message.session = session = name_in(json, "session_id");
    const auto* image = find(json, "image_base64");
    if (image != nullptr) {
      message.picture = picture_of(*image, limits);
    } else if (payload != nullptr) {
      message.latent = latent_of(*payload, latent);
    }
  }
  if (!message.latent && !message.picture) {
    throw Error("expected a picture (image_base64) or a latent (payload)");
  }
  return message;
}

std::string packed_list(const at::Tensor& numbers) {
  auto list = Json::array();
  const auto flat = numbers.to(at::kFloat).flatten().contiguous();
  const auto* first = flat.const_data_ptr<float>();
  for (std::int64_t i = 0; i < flat.numel(); ++i) list.push_back(first[i]);
  const auto text = list.dump();
  auto length = compressBound(static_cast<uLong>(text.size()));
  std::string packed(length, '\0');
  if (compress(reinterpret_cast<Bytef*>(packed.data()), &length,
               reinterpret_cast<const Bytef*>(text.data()),
               static_cast<uLong>(text.size())) != Z_OK) {
    throw Error("a list cannot be packed");
  }
  packed.resize(length);
  return to_base64(packed);
}

}  // namespace neurosplat
