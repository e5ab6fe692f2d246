#include "neurosplat/training/run_log.h"

#include <charconv>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "neurosplat/figure/chart.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

constexpr int kCurvesHeight = 400, kCurvesWidth = 760;  // pixels

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += line + '\n';
  return all;
}

/// The epoch that a line of loss.csv starts with; 0 for the header and for anything else.
std::int64_t epoch_of_loss(const std::string& line) {
  std::int64_t epoch = 0;
  std::from_chars(line.data(), line.data() + line.size(), epoch);
  return epoch;
}

std::int64_t epoch_of_metrics(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("epoch") || !json["epoch"].is_number_integer()) return 0;
  return json["epoch"].get<std::int64_t>();
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& run_folder)
    : loss_path_(run_folder / "loss.csv"),
      metrics_path_(run_folder / "metrics.jsonl"),
      curves_path_(run_folder / "curves.png") {}

void RunLog::keep_through(std::int64_t last) {
  const auto kept = [last](std::int64_t epoch) { return epoch >= 1 && epoch <= last; };
  const auto lines = lines_of(loss_path_);
  for (const auto& line : lines) {
    if (kept(epoch_of_loss(line))) loss_.push_back(line);
  }
  if (!loss_.empty() && lines.front().starts_with("epoch,")) header_ = lines.front();
  for (const auto& line : lines_of(metrics_path_)) {
    if (kept(epoch_of_metrics(line))) metrics_.push_back(line);
  }
}

void RunLog::add(std::int64_t epoch, const Figures& row, const nlohmann::ordered_json& metrics) {
  if (header_.empty()) {
    header_ = "epoch";
    for (const auto& [name, value] : row) header_ += ',' + name;
  }
  std::istringstream columns(header_);
  std::ostringstream line;
  std::string column;
  std::getline(columns, column, ',');
  line << epoch << std::setprecision(9);
  while (std::getline(columns, column, ',')) {
    line << ',';
    for (const auto& [name, value] : row) {
      if (name == column) line << value;
    }
  }
  loss_.push_back(line.str());
  metrics_.push_back(metrics.dump());
  write();
}

void RunLog::draw(const Curves& curves) const {
  Chart chart{.x_name = "epochs", .y_name = curves.y_name};
  for (const auto& [key, name] : curves.lines) {
    ChartLine line{name, line_colour(chart.lines.size()), {}};
    for (const auto& text : metrics_) {
      const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || !json.contains(key) || !json[key].is_number()) continue;
      const auto epoch = static_cast<double>(epoch_of_metrics(text));
      line.points.push_back({epoch, json[key].get<double>(), epoch});
    }
    if (!line.points.empty()) chart.lines.push_back(std::move(line));
  }
  if (!chart.lines.empty()) write_png(curves_path_, draw_chart(chart, kCurvesHeight, kCurvesWidth));
}

void RunLog::write() const {
  write_file_atomically(loss_path_, header_ + '\n' + joined(loss_));
  write_file_atomically(metrics_path_, joined(metrics_));
}

}  // namespace neurosplat
