// What is written and printed of generators' scores.
#include <cstddef>
#include <iomanip>
#include <sstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/evaluation/generator_scores.h"

namespace neurosplat {
namespace {

constexpr std::size_t kHeldOutRow = 0, kPcaRow = 1, kFirstSet = 2;

void check_rows(const GeneratorScores& scores) {
  if (scores.rows.size() < kFirstSet || scores.rows.front().spaces.empty())
    throw Error("expected the scores of score_generators(), got fewer rows: score first");
}

}  // namespace

nlohmann::ordered_json results_of(const GeneratorScores& scores) {
  check_rows(scores);
  const auto& real = scores.rows[kHeldOutRow];
  const auto& pca = scores.rows[kPcaRow];
  const auto& first = scores.rows.size() > kFirstSet ? scores.rows[kFirstSet] : real;
  nlohmann::ordered_json results = {{"images", scores.count},
                                    {"training_images", scores.training},
                                    {"pca_components", scores.components}};
  for (std::size_t space = 0; space < first.spaces.size(); ++space) {
    const std::string key = "fd_" + first.spaces[space].name;
    results[key] = first.spaces[space].frechet_distance;
    results[key + "_real_floor"] = real.spaces[space].frechet_distance;
    results[key + "_pca"] = pca.spaces[space].frechet_distance;
  }
  const auto pair = [&](const std::string& key, double value, double of_real) {
    results[key] = value;
    results[key + "_real"] = of_real;
  };
  pair("precision", first.spaces[0].precision, real.spaces[0].precision);
  pair("recall", first.spaces[0].recall, real.spaces[0].recall);
  pair("cat_face_rate", first.face_rate, real.face_rate);
  pair("seam_ratio", first.seam_ratio, real.seam_ratio);
  pair("nearest_rms", first.nearest_rms, real.nearest_rms);

  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : scores.rows) {
    nlohmann::ordered_json entry = {{"set", row.name}};
    for (const auto& space : row.spaces) entry["fd_" + space.name] = space.frechet_distance;
    for (const auto& space : row.spaces) entry["precision_" + space.name] = space.precision;
    for (const auto& space : row.spaces) entry["recall_" + space.name] = space.recall;
    entry["cat_face_rate"] = row.face_rate;
    entry["seam_ratio"] = row.seam_ratio;
    entry["nearest_rms"] = row.nearest_rms;
    rows.push_back(std::move(entry));
  }
  results["rows"] = std::move(rows);
  return results;
}

std::string table_of(const GeneratorScores& scores) {
  check_rows(scores);
  std::ostringstream table;
  table << std::left << std::setw(16) << "set" << std::right;
  for (const auto& space : scores.rows.front().spaces) table << std::setw(16) << "FD-" + space.name;
  for (const char* name : {"precision", "recall", "faces", "seams", "nearest"})
    table << std::setw(11) << name;
  table << '\n';
  for (const auto& row : scores.rows) {
    table << std::left << std::setw(16) << row.name << std::right;
    for (const auto& space : row.spaces) table << std::setw(16) << fixed(space.frechet_distance, 2);
    for (const double value : {row.spaces[0].precision, row.spaces[0].recall, row.face_rate,
                               row.seam_ratio, row.nearest_rms})
      table << std::setw(11) << fixed(value, 3);
    table << '\n';
  }
  return table.str();
}

}  // namespace neurosplat
