#pragma once

#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "support/json_rows.h"

/// What the programs share that run renderers through a list of cases without a test framework.
namespace neurosplat::testing {

struct CheckOptions {
  std::vector<std::string> modes;
  std::string renderer, device = "cpu", only, json;
  bool small = false, slow = false;

  at::DeviceType device_type() const { return device == "cuda" ? at::kCUDA : at::kCPU; }
};

inline CheckOptions parse_check(int argc, char** argv, const std::string& renderer) {
  CheckOptions options;
  options.renderer = renderer;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw UsageError(word + ": expected a value after it");
      return argv[i];
    };
    if (word == "values" || word == "gradients" || word == "support" || word == "speed") {
      options.modes.push_back(word);
    } else if (word == "--renderer") {
      options.renderer = value();
    } else if (word == "--device") {
      options.device = value();
    } else if (word == "--only") {
      options.only = value();
    } else if (word == "--json") {
      options.json = value();
    } else if (word == "--small" || word == "--slow") {
      (word == "--small" ? options.small : options.slow) = true;
    } else {
      throw UsageError("expected a mode or an option, got '" + word + "'; see --help");
    }
  }
  if (options.modes.empty()) options.modes = {"values", "gradients", "support"};
  if (options.device != "cpu" && options.device != "cuda") {
    throw UsageError("--device: expected cpu or cuda, got '" + options.device + "'");
  }
  return options;
}

/// Prints the checks and keeps their rows.
class CheckReport {
 public:
  explicit CheckReport(const CheckOptions& options) : options_(options) {}

  void add(const std::string& mode, const std::string& name, double error, double bound,
           const std::string& note = "") {
    const bool held = error <= bound;  // false for NaN
    failures_ += held ? 0 : 1;
    std::printf("%-10s %-32s %10.3g  bound %8.2g  %s %s\n", mode.c_str(), name.c_str(), error,
                bound, held ? "ok" : "FAILED", note.c_str());
    std::fflush(stdout);
    rows_.push_back({{"mode", mode},
                     {"case", name},
                     {"implementation", options_.renderer},
                     {"device", options_.device},
                     {"error", error},
                     {"bound", bound},
                     {"ok", std::int64_t{held ? 1 : 0}}});
  }
  void add(JsonRow row) { rows_.push_back(std::move(row)); }
  void expect(const std::string& what, bool held) { add("support", what, held ? 0.0 : 1.0, 0.5); }

  /// Whether `work` throws a UsageError of one line.
  void refuses(const std::string& what, const std::function<void()>& work) {
    try {
      work();
      expect("refuses " + what, false);
    } catch (const UsageError& error) {
      expect("refuses " + what, std::string(error.what()).find('\n') == std::string::npos);
    }
  }

  /// The exit status.
  int finish() const {
    if (!options_.json.empty()) write_json_rows(options_.json, rows_);
    std::printf("%s on %s: %zu checks, %d failed\n", options_.renderer.c_str(),
                options_.device.c_str(), rows_.size(), failures_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  CheckOptions options_;
  std::vector<JsonRow> rows_;
  int failures_ = 0;
};

/// Milliseconds of the middle one of several runs.
inline double median_ms(at::DeviceType device, const std::function<void()>& work) {
  const auto finish = [&] {
    if (device == at::kCUDA) torch::cuda::synchronize();
  };
  std::vector<double> times;
  for (int i = 0; i < 8; ++i) {
    finish();
    const auto start = std::chrono::steady_clock::now();
    work();
    finish();
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    if (i >= 3) times.push_back(taken.count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Why nothing can be checked, or nothing. try_cuda() draws something with the CUDA renderer.
inline std::string reason_to_skip(const CheckOptions& options,
                                  const std::function<void()>& try_cuda) {
  if (options.device == "cuda" && !torch::cuda::is_available()) {
    return "LibTorch finds no CUDA device here";
  }
  if (options.renderer != "cuda" || options.device != "cuda") return "";
  try {
    try_cuda();
  } catch (const UsageError& error) {
    return error.what();  // a build without the kernels
  }
  return "";
}

/// main() of a check: its help, its skips and its exit status.
inline int run_check(int argc, char** argv, const char* program, const char* usage,
                     const std::string& renderer, const std::function<void()>& try_cuda,
                     const std::function<int(const CheckOptions&)>& check) {
  try {
    if (argc > 1 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
      std::cout << usage;
      return 0;
    }
    const auto options = parse_check(argc, argv, renderer);
    const auto reason = reason_to_skip(options, try_cuda);
    if (!reason.empty()) {
      std::cout << "SKIPPED: " << reason << '\n';
      return 0;
    }
    return check(options);
  } catch (const UsageError& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace neurosplat::testing
