#include "neurosplat/evaluation/metrics_file.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"

namespace neurosplat {
namespace {

bool is_snake_case(std::string_view key) {
  return !key.empty() && key.front() != '_' && key.back() != '_' &&
         key.find("__") == std::string_view::npos &&
         std::all_of(key.begin(), key.end(), [](char letter) {
           return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
                  letter == '_';
         });
}

/// Numbers and words under snake_case keys.
bool is_row(const nlohmann::ordered_json& value) {
  if (!value.is_object() || value.empty()) return false;
  const auto items = value.items();
  return std::all_of(items.begin(), items.end(), [](const auto& item) {
    return is_snake_case(item.key()) && !item.value().is_structured();
  });
}

/// Numbers, and lists of them such as the places of fixations; no objects.
bool is_figure(const nlohmann::ordered_json& value) {
  if (!value.is_array()) return !value.is_structured();
  return std::all_of(value.begin(), value.end(), [](const auto& one) { return is_figure(one); });
}

bool is_table(const nlohmann::ordered_json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_row);
}

void check_flat(const nlohmann::ordered_json& figures, std::string_view part) {
  if (!figures.is_object())
    throw Error(
        text("expected an object for the ", part, " of a metrics file, got ", figures.type_name()));
  for (const auto& [key, value] : figures.items())
    if (!is_snake_case(key) || !(key == "rows" ? is_table(value) : is_figure(value)))
      throw Error(text("expected a value or a list under a snake_case key, or a table under rows, ",
                       "in the ", part, " of a metrics file, got ", value.type_name(), " under ",
                       key));
}

std::string cpu_model() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string compiler() {
#ifdef __clang__
  return text("Clang ", __clang_version__);
#else
  return text("GCC ", __VERSION__);
#endif
}

std::string utc_date() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts = {};
  gmtime_r(&now, &parts);
  std::string date(sizeof("2000-01-01T00:00:00Z"), '\0');
  date.resize(std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  return date;
}

}  // namespace

// CUDA counts where it was asked for: its half of LibTorch is not opened for this.
nlohmann::ordered_json environment() {
  return {{"neurosplat_version", NEUROSPLAT_VERSION},
          {"git_commit", NEUROSPLAT_COMMIT},
          {"compiler", compiler()},
          {"torch_version", TORCH_VERSION},
          {"cpu_model", cpu_model()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"torch_threads", at::get_num_threads()},
          {"device", at::hasCUDA() ? "cuda" : "cpu"},
          {"date_utc", utc_date()}};
}

void write_metrics(const std::filesystem::path& path, const MetricsFile& metrics) {
  check_flat(metrics.results, "results");
  nlohmann::ordered_json content = {{"experiment", metrics.experiment},
                                    {"settings", metrics.settings},
                                    {"results", metrics.results}};
  if (!metrics.reference.is_null()) {
    check_flat(metrics.reference, "reference");
    content["reference"] = metrics.reference;
  }
  content["environment"] = environment();
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  write_file_atomically(path, content.dump(2, ' ', false, replace) + "\n");
}

}  // namespace neurosplat
