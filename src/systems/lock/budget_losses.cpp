#include <algorithm>
#include <cmath>
#include <functional>
#include <iomanip>
#include <sstream>

#include "neurosplat/core/csv.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/atomic_file.h"
#include "neurosplat/systems/lock/fidelity_budget.h"

namespace neurosplat {
namespace {

double mean_of(const std::vector<double>& values, const std::function<double(double)>& what) {
  double sum = 0;
  for (const double value : values) sum += what(value);
  return sum / static_cast<double>(values.size());
}

bool has_pca_of_the_latent(const FidelityBudget& budget) {
  return std::count(budget.components.begin(), budget.components.end(), budget.latent) > 0;
}

/// A line of the table: what, how many numbers, dB.
std::string line_of(const std::string& name, const std::string& numbers, const std::string& value) {
  std::ostringstream line;
  line << "| " << std::left << std::setw(44) << name << " | " << std::right << std::setw(7)
       << numbers << " | " << std::setw(8) << value << " |\n";
  return line.str();
}

std::string components_line(const FidelityBudget& budget, const char* key) {
  const auto& row = budget.row(key);
  const auto name = text("PCA components as good as the ", row.name);
  if (const auto count = pca_components_for(budget, row.psnr_mean_db)) {
    return line_of(name, fixed(*count, 0), "");
  }
  const auto& least = budget.row(text("pca_", budget.components.front()));
  return line_of(name,
                 row.psnr_mean_db < least.psnr_mean_db ? text("< ", budget.components.front())
                                                       : text("> ", budget.components.back()),
                 "");
}

}  // namespace

double kl_mean_nats(const FidelityBudget& budget) {
  return mean_of(budget.kl_nats, [](double value) { return value; });
}

std::vector<BudgetLoss> losses_of(const FidelityBudget& budget) {
  const auto difference = [&](const std::string& from, const std::string& to) {
    return budget.row(to).psnr_mean_db - budget.row(from).psnr_mean_db;
  };
  std::vector<BudgetLoss> losses = {
      {"sampling", "KL, sampling: mean - sample", difference("sample", "mean")},
      {"encoder", "encoder: best latent - mean", difference("mean", "best_latent")},
      {"refinement", "of which refinement wins: refined - mean", difference("mean", "refined")},
      {"decoder", "decoder: best packets - best latent", difference("best_latent", "best_packets")},
      {"ranges", "decoder's ranges: moved - best packets", difference("best_packets", "moved")}};
  if (has_pca_of_the_latent(budget)) {
    losses.push_back({"latent_over_pca",
                      text("over PCA ", budget.latent, ": best latent - PCA ", budget.latent),
                      difference(text("pca_", budget.latent), "best_latent")});
  }
  return losses;
}

std::optional<double> pca_components_for(const FidelityBudget& budget, double psnr_db) {
  const auto& counts = budget.components;
  const auto db = [&](std::size_t i) { return budget.row(text("pca_", counts[i])).psnr_mean_db; };
  for (std::size_t i = 0; i + 1 < counts.size(); ++i) {
    const double low = db(i), high = db(i + 1);
    if (!(low <= psnr_db && psnr_db <= high)) continue;
    const double share = high > low ? (psnr_db - low) / (high - low) : 0;
    const auto first = static_cast<double>(counts[i]), last = static_cast<double>(counts[i + 1]);
    return first * std::pow(last / first, share);
  }
  return {};
}

double kl_charge_db(const FidelityBudget& budget, const KlCharge& charge) {
  const double charged = charge.beta * kl_mean_nats(budget);
  if (charge.loss == "psnr") return charged;
  const double error = mean_of(budget.row("sample").psnr_db,
                               [](double psnr_db) { return std::pow(10.0, -0.1 * psnr_db); });
  return 10 * std::log10(1 + charged / error);
}

std::string budget_table(const FidelityBudget& budget, const std::optional<KlCharge>& charge) {
  auto table = line_of(text("mean of ", budget.kl_nats.size(), " pictures"), "numbers", "PSNR, dB");
  table +=
      "|" + std::string(46, '-') + "|" + std::string(8, '-') + ":|" + std::string(9, '-') + ":|\n";
  for (const auto& row : budget.rows) {
    table += line_of(row.name, text(row.numbers), fixed(row.psnr_mean_db, 2));
  }
  for (const auto& loss : losses_of(budget)) table += line_of(loss.name, "", fixed(loss.db, 2));
  table += line_of("KL, nats a picture", fixed(kl_mean_nats(budget), 1), "");
  if (charge) {
    table += line_of(text("KL, charged by beta ", charge->beta, " of loss ", charge->loss), "",
                     fixed(kl_charge_db(budget, *charge), 2));
  }
  if (budget.components.empty()) return table;
  return table + components_line(budget, "mean") + components_line(budget, "best_latent");
}

void write_budget_csv(const std::filesystem::path& path, const FidelityBudget& budget,
                      const std::vector<std::string>& names) {
  std::ostringstream table;
  table << "file";
  for (const auto& row : budget.rows) table << ',' << row.key << "_psnr_db";
  table << ",kl_nats\n" << std::setprecision(7);
  for (std::size_t k = 0; k < budget.kl_nats.size(); ++k) {
    table << csv_field(names.at(k));
    for (const auto& row : budget.rows) table << ',' << row.psnr_db.at(k);
    table << ',' << budget.kl_nats[k] << '\n';
  }
  write_file_atomically(path, table.str());
}

}  // namespace neurosplat
