#include "training/model_card.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestCard = std::uintmax_t{1} << 20U;  // bytes

/// What tells one model file from another.
struct Identity {
  std::uintmax_t bytes = 0;
  std::string crc32;
  bool operator==(const Identity&) const = default;
};

std::string described(const Identity& identity) {
  return text(identity.bytes, " bytes with CRC-32 ", printable(identity.crc32));
}

std::string hexadecimal(uLong value) {
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08lx", value);
  return digits.data();
}

Identity identity_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Identity identity;
  uLong checksum = crc32(0, nullptr, 0);
  std::array<char, std::size_t{1} << 16U> part{};
  while (in.read(part.data(), part.size()), in.gcount() > 0) {
    checksum = crc32(checksum, reinterpret_cast<const Bytef*>(part.data()),
                     static_cast<uInt>(in.gcount()));
    identity.bytes += static_cast<std::uintmax_t>(in.gcount());
  }
  identity.crc32 = hexadecimal(checksum);
  return identity;
}

Identity identity_on(const fs::path& card) {
  std::error_code failed;
  if (fs::file_size(card, failed) > kLargestCard || failed) {
    throw Error(text(card.string(), ": expected a model card, found no file of at most 1 MiB"));
  }
  std::ifstream in(card);
  const auto json = nlohmann::json::parse(std::string(std::istreambuf_iterator<char>(in), {}),
                                          nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* key, auto is) {
    return json.is_object() && json.contains(key) && is(json[key]);
  };
  if (!has("bytes", [](const auto& value) { return value.is_number_unsigned(); }) ||
      !has("crc32", [](const auto& value) { return value.is_string(); })) {
    throw Error(text(card.string(),
                     ": expected a model card with `bytes` and `crc32`, got none: take it from "
                     "where the model is from, or move it away"));
  }
  return {json["bytes"].template get<std::uintmax_t>(),
          json["crc32"].template get<std::string>().substr(0, 16)};
}

}  // namespace

void check_card(const fs::path& model) {
  auto card = model;
  card.replace_extension(".json");
  std::error_code failed;
  if (!fs::exists(card, failed)) return;
  const auto expected = identity_on(card), found = identity_of(model);
  if (found == expected) return;
  throw Error(text(model.string(), ": expected the file of its card ", card.filename().string(),
                   ", ", described(expected), ", got ", described(found),
                   ": take both from one place, or move the card away"));
}

}  // namespace neurosplat
