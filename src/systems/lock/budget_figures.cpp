#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "neurosplat/core/text.h"
#include "neurosplat/figure/bars.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/systems/lock/fidelity_budget.h"
#include "systems/lock/example_rows.h"

namespace neurosplat {
namespace {

/// Through the latent, packets alone, linear: a colour each.
Colour colour_of(const std::string& key) {
  if (key.starts_with("pca_") || key == "mean_image") return line_colour(7);
  if (key == "own_geometry" || key == "placed" || key == "moved") return line_colour(2);
  return line_colour(key == "best_packets" ? 1 : 0);
}

Chart pca_chart(const FidelityBudget& budget) {
  Chart chart{.title = "PCA over its number of components; the model at its own",
              .x_name = "numbers a picture",
              .y_name = "PSNR, dB"};
  ChartLine pca{"PCA", colour_of("pca_"), {}};
  for (const auto count : budget.components) {
    const auto x = static_cast<double>(count);
    pca.points.push_back({x, budget.row(text("pca_", count)).psnr_mean_db, x});
  }
  chart.lines.push_back(std::move(pca));
  const auto latent = static_cast<double>(budget.latent);
  std::size_t colour = 0;
  for (const char* key : {"best_latent", "refined", "mean", "sample"}) {
    const auto& row = budget.row(key);
    chart.lines.push_back({row.name, line_colour(colour++), {{latent, row.psnr_mean_db, latent}}});
  }
  return chart;
}

}  // namespace

at::Tensor budget_figure(const FidelityBudget& budget) {
  constexpr int kHeight = 440, kBars = 640, kChart = 640;
  BarChart bars{.title = text("Mean PSNR of ", budget.kl_nats.size(), " pictures"), .unit = "dB"};
  for (const auto& row : budget.rows) {
    bars.bars.push_back({row.name, row.psnr_mean_db, colour_of(row.key)});
  }
  const auto left = draw_bars(bars, kHeight, kBars);
  if (budget.components.empty()) return left;
  return at::cat({left, draw_chart(pca_chart(budget), kHeight, kChart)}, 2);
}

at::Tensor budget_sheet(const FidelityBudget& budget) {
  constexpr std::int64_t kTitle = 240;
  const at::NoGradGuard no_gradient;
  const auto height = enlarged(budget.shown.front()).size(1);
  std::vector<std::vector<at::Tensor>> rows = {{row_title("picture", height, kTitle)}};
  for (const auto& picture : budget.shown) {
    rows.front().push_back(with_label(enlarged(picture), ""));
  }
  for (const auto& row : budget.rows) {
    rows.push_back({row_title(row.name, height, kTitle)});
    for (std::size_t i = 0; i < row.shown.size(); ++i) {
      rows.back().push_back(labelled(row.shown[i], budget.shown[i]));
    }
  }
  return sheet_of(rows);
}

}  // namespace neurosplat
