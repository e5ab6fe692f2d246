#include "neurosplat/core/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>  // defines __GLIBC__, as any header of the C++ library does there
#include <optional>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace neurosplat {
namespace {

/// The number that stands alone in a file; nothing for another word (cgroups write "max").
std::optional<std::uint64_t> number_in(const char* path) {
  std::ifstream in(path);
  std::uint64_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> available_to_all() {
  std::ifstream in("/proc/meminfo");
  std::string name, unit;
  for (std::uint64_t kibibytes = 0; in >> name >> kibibytes; std::getline(in, unit)) {
    if (name == "MemAvailable:") return kibibytes * 1024;
  }
  return std::nullopt;
}

/// What the control group that is mounted here, a container's, has left; its file cache can go.
std::optional<std::uint64_t> available_to_group() {
  const auto most = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  if (!most || !used) return std::nullopt;
  std::uint64_t cache = 0, bytes = 0;
  std::ifstream in("/sys/fs/cgroup/memory.stat");
  for (std::string name; in >> name >> bytes;) {
    if (name == "inactive_file") cache = bytes;
  }
  const auto kept = *used - std::min(*used, cache);
  return *most - std::min(*most, kept);
}

}  // namespace

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = std::numeric_limits<int>::max();
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
#endif
}

std::uint64_t available_memory() {
  constexpr auto kUnknown = std::numeric_limits<std::uint64_t>::max();
  return std::min(available_to_all().value_or(kUnknown), available_to_group().value_or(kUnknown));
}

}  // namespace neurosplat
