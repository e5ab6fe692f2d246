#include "training/event_log.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "neurosplat/training/learner.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

std::string tag_of(const std::string& key) {
  const auto begins = [&](std::string_view with) { return key.starts_with(with); };
  if (begins("held_out_") || begins("test_") || begins("val_")) return "held_out/" + key;
  if (begins("seconds") || key.ends_with("_per_second")) return "time/" + key;
  return "train/" + key;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// By name, so that they come in one order.
std::vector<fs::path> sheets_of(const fs::path& run, std::int64_t epoch) {
  const auto ending = sheet_path("", "", epoch).string();
  std::vector<fs::path> sheets;
  std::error_code failed;
  for (fs::directory_iterator it(run, failed), end; !failed && it != end; it.increment(failed)) {
    const auto name = it->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(ending)) sheets.push_back(it->path());
  }
  std::sort(sheets.begin(), sheets.end());
  return sheets;
}

}  // namespace

EventLog::EventLog(const fs::path& run, std::int64_t step) : run_(run), file_(run) {
  file_.restart_at(step + 1);  // a killed process may have got further than its last checkpoint
}

void EventLog::add(std::int64_t step, const Figures& row, const nlohmann::ordered_json& metrics) {
  Figures scalars;
  for (const auto& [key, value] : metrics.items()) {
    if (value.is_number() && key != "step") scalars.emplace_back(tag_of(key), value.get<double>());
  }
  for (const auto& [key, value] : row) {
    if (!metrics.contains(key)) scalars.emplace_back(tag_of(key), value);
  }
  file_.add(step, scalars);
}

void EventLog::add_sheets(std::int64_t step, std::int64_t epoch) {
  const auto ending = sheet_path("", "", epoch).string().size();
  for (const auto& sheet : sheets_of(run_, epoch)) {
    const auto name = sheet.filename().string();
    file_.add_picture(step, "pictures/" + name.substr(0, name.size() - ending), bytes_of(sheet));
  }
}

}  // namespace neurosplat
