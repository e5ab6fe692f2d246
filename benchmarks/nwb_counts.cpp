/// nwb_counts write FILE UNITS SECONDS: a simulated session with that many units in each of six
/// areas. nwb_counts count FILE TABLE FROM TO [REPEATS [THREADS]]: counts the spikes of all
/// units in windows around the table's presentations; one line of JSON with spikes, seconds (the
/// fastest repeat; opening the file is part of it), seconds of processors, of all threads (the
/// least), counts' sum and the process's peak memory.
#include <ATen/ATen.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/recordings/simulated_session.h"
#include "neurosplat/recordings/spike_counts.h"

namespace neurosplat::benchmarks {
namespace {

constexpr std::int64_t kPictures = 118;

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void write(const std::string& file, std::int64_t units, double seconds) {
  const auto noise = at::arange(kPictures * 3 * 64 * 64, at::kLong);
  const auto pictures =
      (noise * noise).remainder(65'521).remainder(256).to(at::kByte).view({kPictures, 3, 64, 64});
  SimulatedSessionOptions options;
  options.units = units;
  options.spontaneous =
      std::max(1.0, seconds - static_cast<double>(options.repeats * kPictures + options.blanks) *
                                  options.presentation);
  SimulatedSession(pictures, options).write(file);
  std::printf("{\"peak_mb\": %.1f}\n", peak_megabytes());
}

void count(const std::string& path, const std::string& table, CountWindow window, int repeats,
           std::size_t threads) {
  double best = std::numeric_limits<double>::infinity(), least = best;
  std::uint64_t spikes = 0;
  std::int64_t sum = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double busy = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    const NwbFile file(path);
    std::vector<std::size_t> rows(file.units().size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    const auto counts = count_spikes(file, rows, file.presentations(table).start, window, threads);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
    least = std::min(least, processor_seconds() - busy);
    spikes =
        std::accumulate(file.units().spikes.begin(), file.units().spikes.end(), std::uint64_t{0});
    sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  }
  std::printf(
      "{\"spikes\": %llu, \"seconds\": %.6f, \"processor_seconds\": %.6f, \"spikes_per_second\": "
      "%.4g, \"sum\": %lld, "
      "\"peak_mb\": %.1f}\n",
      static_cast<unsigned long long>(spikes), best, least, static_cast<double>(spikes) / best,
      static_cast<long long>(sum), peak_megabytes());
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 4 && words[0] == "write") {
    write(words[1], std::atoll(words[2].c_str()), std::atof(words[3].c_str()));
  } else if (words.size() >= 5 && words.size() <= 7 && words[0] == "count") {
    count(words[1], words[2], {std::atof(words[3].c_str()), std::atof(words[4].c_str())},
          words.size() > 5 ? std::max(1, std::atoi(words[5].c_str())) : 1,
          words.size() > 6 ? static_cast<std::size_t>(std::atoll(words[6].c_str())) : 0);
  } else {
    throw UsageError(
        "expected write FILE UNITS SECONDS or count FILE TABLE FROM TO [REPEATS [THREADS]]");
  }
  return 0;
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  try {
    return neurosplat::benchmarks::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nwb_counts: %s\n", error.what());
    return dynamic_cast<const neurosplat::UsageError*>(&error) != nullptr ? 2 : 1;
  }
}
