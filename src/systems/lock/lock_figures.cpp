#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "neurosplat/core/text.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/figure/chart.h"
#include "neurosplat/systems/lock/lock_curve.h"
#include "systems/lock/example_rows.h"

namespace neurosplat {
namespace {

constexpr Colour kPriorColour = {0.55F, 0.55F, 0.55F};

/// Rows of tiles, all made as large as the largest and filled up with `ground`.
at::Tensor tiled(const std::vector<at::Tensor>& tiles, std::size_t columns, double ground,
                 int gap) {
  std::int64_t height = 0, width = 0;
  for (const auto& tile : tiles) {
    height = std::max(height, tile.size(1));
    width = std::max(width, tile.size(2));
  }
  std::vector<std::vector<at::Tensor>> rows;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    if (i % columns == 0) rows.emplace_back();
    const auto& tile = tiles[i];
    rows.back().push_back(
        at::constant_pad_nd(tile, {0, width - tile.size(2), 0, height - tile.size(1)}, ground));
  }
  while (rows.size() > 1 && rows.back().size() < columns) {
    rows.back().push_back(at::full({3, height, width}, ground, at::kFloat));
  }
  return sheet_of(rows, gap);
}

/// A chart of the rows of one set that show what a budget gives: cold pictures or a video.
Chart chart_of(const std::vector<LockRow>& rows, const std::string& set) {
  Chart chart{.x_name = "latency of a frame, ms: median (dot) to 99th percentile",
              .y_name = "PSNR, dB"};
  for (const auto& row : rows) {
    if (row.set != set || row.mode == LockMode::still) continue;
    if (chart.levels.empty()) {
      chart.title = text(set, ", ", name_of(row.mode), ", ");
      chart.title += row.dropped_frames
                         ? text(row.pictures + *row.dropped_frames, " frames")
                         : text(row.pictures, " pictures, one frame each after a reset");
      chart.levels = {{"prior", kPriorColour, row.prior_db}};
    }
    auto line = std::find_if(chart.lines.begin(), chart.lines.end(),
                             [&](const ChartLine& l) { return l.name == row.solver; });
    if (line == chart.lines.end()) {
      chart.lines.push_back({row.solver, line_colour(chart.lines.size()), {}});
      line = std::prev(chart.lines.end());
    }
    line->points.push_back({row.latency_p50_ms, row.psnr_mean_db, row.latency_p99_ms});
  }
  return chart;
}

at::Tensor examples_of(const SplatVae& model, const LockSet& set,
                       const std::vector<NamedLockSolver>& solvers, double budget_ms,
                       std::int64_t count) {
  const std::int64_t size = set.pictures.size(0), shown = std::min(count, size);
  std::vector<at::Tensor> frames;
  std::vector<std::vector<at::Tensor>> rows(2 + solvers.size());
  const auto height = enlarged(set.pictures[0]).size(1);
  rows[0].push_back(row_title(set.name + ": frame", height));
  rows[1].push_back(row_title("prior", height));
  for (std::int64_t i = 0; i < shown; ++i) {
    const auto k = i * size / shown;
    frames.push_back(to_unit_range(set.pictures.select(0, k), at::Device(at::kCPU)));
    const std::filesystem::path name = set.names.at(static_cast<std::size_t>(k));
    rows[0].push_back(with_label(enlarged(frames.back()), name.stem().string()));
  }
  for (std::size_t s = 0; s < solvers.size(); ++s) {
    rows[2 + s].push_back(row_title(solvers[s].name, height));
    const auto solver = make_lock_solver(model, solvers[s].settings);
    for (const auto& frame : frames) {
      solver->reset();
      const auto view = solver->follow(frame, budget_ms);
      if (s == 0) rows[1].push_back(labelled(view.prior, frame));
      rows[2 + s].push_back(labelled(view.locked, frame));
    }
  }
  return sheet_of(rows);
}

}  // namespace

at::Tensor lock_curve_figure(const std::vector<LockRow>& rows) {
  constexpr int kHeight = 360, kWidth = 640;
  std::vector<std::string> sets;
  for (const auto& row : rows) {
    if (std::find(sets.begin(), sets.end(), row.set) == sets.end()) sets.push_back(row.set);
  }
  std::vector<at::Tensor> charts;
  for (const auto& set : sets) charts.push_back(draw_chart(chart_of(rows, set), kHeight, kWidth));
  return tiled(charts, 2, 1.0, 0);
}

at::Tensor lock_examples(const SplatVae& model, const std::vector<LockSet>& sets,
                         const std::vector<NamedLockSolver>& solvers, double budget_ms,
                         std::int64_t count) {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> sheets;
  for (const auto& set : sets) {
    sheets.push_back(examples_of(model, set, solvers, budget_ms, count));
  }
  return tiled(sheets, 2, 0.0, 16);
}

}  // namespace neurosplat
