/// render_memory IMPLEMENTATION PACKETS SIDE: by how many bytes the process's peak resident memory
/// grows in one forward and backward pass of one picture. Linux keeps the peak (VmHWM); writing 5
/// to /proc/self/clear_refs sets it back. A process a figure: nothing is left over from another.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>

#include "drawing.h"
#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::benchmarks {
namespace {

std::int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  }
  throw Error("expected VmHWM in /proc/self/status, found none: this needs Linux");
}

void forget_peak() {
  std::ofstream clear("/proc/self/clear_refs");
  if (!(clear << "5" << std::flush)) throw Error("cannot write /proc/self/clear_refs");
}

void run(const std::string& name, std::int64_t packets, std::int64_t side) {
  const Implementation implementation{name, renderer_from_name(name), at::kCPU};
  const Shape warm{1, 64, 32, 32}, shape{1, packets, side, side};
  // Code and its tables are loaded before the count begins.
  draw_and_go_back(implementation, random_packets(warm, at::kCPU), warm);
  const auto given = random_packets(shape, at::kCPU);
  forget_peak();
  const auto before = peak_bytes();
  draw_and_go_back(implementation, given, shape);
  std::printf("%lld\n", static_cast<long long>(peak_bytes() - before));
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "render_memory: expected IMPLEMENTATION PACKETS SIDE\n");
    return 2;
  }
  neurosplat::use_threads(0);
  try {
    neurosplat::benchmarks::run(argv[1], std::atoll(argv[2]), std::atoll(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "render_memory: %s\n", error.what());
    return dynamic_cast<const neurosplat::UsageError*>(&error) != nullptr ? 2 : 1;
  }
  return 0;
}
