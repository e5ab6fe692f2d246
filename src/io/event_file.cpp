#include "neurosplat/io/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <span>
#include <system_error>

#include "io/crc32c.h"
#include "io/picture_header.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.", kSuffix = ".neurosplat";

/// Numbers of fields, as in TensorFlow's event.proto and summary.proto.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
constexpr int kStatus = 1, kStart = 1;
constexpr int kValue = 1, kTag = 1, kSimpleValue = 2, kImage = 4;
constexpr int kHeight = 1, kWidth = 2, kColourSpace = 3, kRgb = 3, kEncoded = 4;

/// How a protobuf field is laid out.
enum class Wire { varint = 0, eight_bytes = 1, length = 2, four_bytes = 5 };

std::string varint(std::uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>((number & 0x7f) | 0x80);
  return bytes += static_cast<char>(number);
}

std::string key(int field, Wire wire) {
  return varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire));
}

template <class Unsigned>
std::string little_endian(Unsigned number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    bytes += static_cast<char>(static_cast<std::uint8_t>(number >> (8 * i)));
  }
  return bytes;
}

std::string integer(int field, std::uint64_t value) {
  return key(field, Wire::varint) + varint(value);
}

std::string single(int field, float value) {
  return key(field, Wire::four_bytes) + little_endian(std::bit_cast<std::uint32_t>(value));
}

std::string real(int field, double value) {
  return key(field, Wire::eight_bytes) + little_endian(std::bit_cast<std::uint64_t>(value));
}

std::string bytes_of(int field, std::string_view bytes) {
  return key(field, Wire::length) + varint(bytes.size()) + std::string(bytes);
}

std::string step_of(std::int64_t step) {
  return integer(kStep, static_cast<std::uint64_t>(step));
}

/// Letters, digits, dots and hyphens of the machine's name.
std::string host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  std::string kept;
  for (const char letter : std::string_view(name.data())) {
    const bool plain = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-';
    if (plain || letter == '.') kept += letter;
  }
  return kept.empty() ? "localhost" : kept;
}

std::int64_t seconds_in(std::string_view name) {
  std::int64_t seconds = 0;
  const auto digits = name.substr(kPrefix.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  return seconds;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The present second, or the first one after those of the event files in the folder.
std::int64_t next_second(const fs::path& folder) {
  auto second = static_cast<std::int64_t>(now());
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    if (is_event_file(name)) second = std::max(second, seconds_in(name) + 1);
  }
  return second;
}

[[noreturn]] void fail(const fs::path& path) {
  throw Error(text("expected to write ", path.string(),
                   ", the system said: ", std::generic_category().message(errno),
                   ": check that its folder exists, may be written and has room"));
}

void write_fully(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Length, its checksum, the bytes, theirs.
std::string record(std::string_view bytes) {
  const auto length = little_endian(static_cast<std::uint64_t>(bytes.size()));
  return length + little_endian(masked(crc32c(length))) + std::string(bytes) +
         little_endian(masked(crc32c(bytes)));
}

}  // namespace

bool is_event_file(std::string_view name) {
  return name.size() > kPrefix.size() + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix);
}

EventFile::EventFile(const fs::path& folder)
    : path_(folder / text(kPrefix, next_second(folder), '.', host(), '.', ::getpid(), kSuffix)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) fail(path_);
  write_event(bytes_of(kFileVersion, "brain.Event:2"));
}

EventFile::~EventFile() {
  if (file_ >= 0) ::close(file_);
}

void EventFile::restart_at(std::int64_t step) {
  write_event(step_of(step) + bytes_of(kSessionLog, integer(kStatus, kStart)));
}

void EventFile::add(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    summary +=
        bytes_of(kValue, bytes_of(kTag, tag) + single(kSimpleValue, static_cast<float>(value)));
  }
  write_event(step_of(step) + bytes_of(kSummary, summary));
}

void EventFile::add_picture(std::int64_t step, const std::string& tag, std::string_view picture) {
  const auto size = check_picture(
      std::span(reinterpret_cast<const std::uint8_t*>(picture.data()), picture.size()));
  const auto image = integer(kHeight, size.height) + integer(kWidth, size.width) +
                     integer(kColourSpace, kRgb) + bytes_of(kEncoded, picture);
  write_event(step_of(step) +
              bytes_of(kSummary, bytes_of(kValue, bytes_of(kTag, tag) + bytes_of(kImage, image))));
}

void EventFile::write_event(const std::string& fields) {
  write_fully(file_, record(real(kWallTime, now()) + fields), path_);
}

}  // namespace neurosplat
