#include <charconv>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "neurosplat/core/text.h"
#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {
namespace {

constexpr std::int64_t kMostProcesses = 1 << 16;

const char* found(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

std::int64_t number(const char* name, std::int64_t least, std::int64_t most) {
  const std::string_view written = found(name);
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (fault != std::errc{} || end != written.data() + written.size() || value < least ||
      value > most) {
    throw UsageError(text(name, ": expected an integer from ", least, " to ", most, ", got '",
                          written, "': start the processes with torchrun"));
  }
  return value;
}

std::int64_t number_or(const char* name, std::int64_t least, std::int64_t most,
                       std::int64_t otherwise) {
  return found(name) == nullptr ? otherwise : number(name, least, most);
}

}  // namespace

Place place_in_environment() {
  Place place;
  if (found("WORLD_SIZE") == nullptr) return place;
  place.count = number("WORLD_SIZE", 1, kMostProcesses);
  if (place.count == 1) return place;
  for (const char* name : {"RANK", "MASTER_ADDR", "MASTER_PORT"}) {
    if (found(name) == nullptr) {
      throw UsageError(text(name, ": expected a value, as WORLD_SIZE is ", place.count,
                            ", got none: start the processes with torchrun, or unset WORLD_SIZE"));
    }
  }
  place.rank = number("RANK", 0, place.count - 1);
  place.local_count = number_or("LOCAL_WORLD_SIZE", 1, place.count, place.count);
  place.local_rank =
      number_or("LOCAL_RANK", 0, place.local_count - 1, place.rank % place.local_count);
  place.restarts =
      number_or("TORCHELASTIC_RESTART_COUNT", 0, std::numeric_limits<std::int32_t>::max(), 0);
  place.address = found("MASTER_ADDR");
  place.port = static_cast<std::uint16_t>(
      number("MASTER_PORT", 1, std::numeric_limits<std::uint16_t>::max()));
  const char* hosted = found("TORCHELASTIC_USE_AGENT_STORE");
  place.hosted = hosted != nullptr && std::string_view(hosted) == "True";
  return place;
}

}  // namespace neurosplat::processes
