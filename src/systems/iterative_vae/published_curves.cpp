#include "neurosplat/systems/iterative_vae/published_curves.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using Fields = std::vector<std::string>;

constexpr std::size_t kMostRows = 100'000;

Fields fields_of(std::string line) {
  if (line.ends_with('\r')) line.pop_back();
  Fields fields(1);
  for (const char c : line) {
    if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

/// Lines of names and numbers below a line of column names; no quotes.
class Table {
 public:
  explicit Table(const fs::path& path) : path_(path) {
    std::ifstream in(path);
    std::string line;
    if (!std::getline(in, line)) throw Error(text(path.string(), ": cannot read it"));
    names_ = fields_of(line);
    while (std::getline(in, line)) {
      rows_.push_back(fields_of(line));
      if (rows_.back().size() == names_.size() && rows_.size() <= kMostRows) continue;
      throw Error(text(path.string(), ", line ", rows_.size() + 1, ": expected ", names_.size(),
                       " fields in at most ", kMostRows, " lines, got ", rows_.back().size()));
    }
  }

  std::size_t rows() const { return rows_.size(); }

  const std::string& word(std::size_t row, const std::string& name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      throw Error(text(path_.string(), ": expected a column ", name, ", found none"));
    }
    return rows_[row][static_cast<std::size_t>(found - names_.begin())];
  }

  double number(std::size_t row, const std::string& name) const {
    const auto& field = word(row, name);
    double value = 0;
    const auto* end = field.data() + field.size();
    const auto read = std::from_chars(field.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end && std::isfinite(value)) return value;
    throw Error(text(path_.string(), ", line ", row + 2, ": expected a finite number as ", name,
                     ", got '", field, "'"));
  }

 private:
  fs::path path_;
  Fields names_;
  std::vector<Fields> rows_;
};

/// "gaussian+relu" to iG-relu, "poisson+amort" to P.
std::string label_of(std::string name) {
  if (name == "lca") return "LCA";
  const std::string amortised = "+amort";
  std::string label = "i";
  if (name.ends_with(amortised)) {
    name.resize(name.size() - amortised.size());
    label.clear();
  }
  const auto plus = name.find('+');
  const auto latents = name.substr(0, plus);
  label += latents == "poisson" ? "P" : latents == "gaussian" ? "G" : latents;
  return plus == std::string::npos ? label : label + "-" + name.substr(plus + 1);
}

}  // namespace

std::vector<PublishedCurve> read_published_curves(const fs::path& path) {
  const Table table(path);
  std::vector<PublishedCurve> curves;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto model = label_of(table.word(row, "str_model"));
    const double beta = table.number(row, "beta_outer");
    if (curves.empty() || curves.back().model != model || curves.back().beta != beta) {
      curves.push_back({model, beta, {}, {}, {}, {}});
    }
    auto& curve = curves.back();
    curve.step.push_back(table.number(row, "time"));
    curve.r2.push_back(table.number(row, "r2"));
    curve.zeros.push_back(table.number(row, "%-zeros"));
    curve.du_norm.push_back(table.number(row, "du_norm"));
  }
  return curves;
}

std::vector<PublishedPoint> read_published_points(const fs::path& path) {
  const Table table(path);
  std::vector<PublishedPoint> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    points.push_back({label_of(table.word(row, "str_model")),
                      std::llround(std::clamp(table.number(row, "seq_len"), -1e9, 1e9)),
                      table.number(row, "kl_beta"), table.number(row, "%-zeros"),
                      table.number(row, "r2"), table.number(row, "r2_map")});
  }
  return points;
}

}  // namespace neurosplat
