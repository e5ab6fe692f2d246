/// The fused patch renderer beside the eager tensor form, in one process: times, their ratios, the
/// largest differences from float64, and how the time grows over splats and pixels.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/memory.h"
#include "neurosplat/renderer/patches/patches.h"
#include "support/json_rows.h"

namespace neurosplat::benchmarks {
namespace {

using patches::Form;
using patches::Kernel;
using patches::Mode;
using patches::Sharing;
using testing::JsonRow;

constexpr const char* kUsage =
    "Usage: patches_benchmark [--quick] [--threads N] [--json FILE]\n"
    "Splats of standard normal raw numbers under the author's activation (depth gain 1) and with\n"
    "depth gain 1/8; 16 pictures, 8 x 8 tiles, 16 splats a tile, 8 pixels a side where nothing "
    "else\n"
    "is said. Milliseconds a picture, medians of runs in alternation; ratios are eager / fused.\n"
    "  --quick      one kernel, short runs\n"
    "  --threads N  default: all cores\n"
    "  --json FILE  the rows of the table and the exponents\n";

struct Options {
  bool quick = false;
  int threads = 0;
  std::string json;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw UsageError(word + ": expected a value after it, got none");
      return argv[i];
    };
    if (word == "--quick") {
      options.quick = true;
    } else if (word == "--threads") {
      const auto text = value();
      options.threads = std::atoi(text.c_str());
      if (options.threads < 1) throw UsageError("--threads: expected >= 1, got " + text);
    } else if (word == "--json") {
      options.json = value();
    } else {
      throw UsageError("expected --quick, --threads or --json, got '" + word + "'");
    }
  }
  return options;
}

struct Shape {
  std::int64_t batch = 16, side = 8, splats = 16;
};

struct Setting {
  const char* kernel;
  Form form;
  double depth_gain;
  Shape shape = {};
};

at::Tensor splats_of(const Setting& one) {
  const auto& shape = one.shape;
  const auto raw = at::randn({shape.batch, shape.side, shape.side, shape.splats, patches::kNumbers},
                             at::detail::createCPUGenerator(1), at::kFloat);
  return patches::activate(raw, {.depth_gain = one.depth_gain});
}

void draw(const at::Tensor& splats, const Form& form, Mode mode) {
  const at::NoGradGuard no_gradient;
  patches::render(splats, form, mode);
}

void draw_and_go_back(const at::Tensor& splats, const Form& form, Mode mode) {
  const auto leaf = splats.detach().requires_grad_();
  patches::render(leaf, form, mode).square().mean().backward();
}

struct Times {
  double forward, both;  // ms a picture
};

double middle(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Times of each mode, run in alternation after one round that is not counted.
std::vector<Times> measure(const Setting& one, const std::vector<Mode>& modes, int rounds) {
  const auto splats = splats_of(one);
  const auto time = [&](auto pass, Mode mode) {
    // Short passes several times, so that a clock's tick is nothing beside them.
    const int calls = mode == Mode::fused ? 3 : 1;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) pass(splats, one.form, mode);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    return taken.count() / calls / static_cast<double>(one.shape.batch);
  };
  std::vector<std::vector<double>> forward(modes.size()), both(modes.size());
  for (int round = -1; round < rounds; ++round) {
    for (std::size_t i = 0; i < modes.size(); ++i) {
      const double f = time(draw, modes[i]), b = time(draw_and_go_back, modes[i]);
      if (round < 0) continue;
      forward[i].push_back(f);
      both[i].push_back(b);
    }
  }
  std::vector<Times> result;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    result.push_back({middle(forward[i]), middle(both[i])});
  }
  return result;
}

struct Errors {
  double value, gradient;
};

/// Of two pictures, from the eager form in float64: the largest difference, relative to the largest
/// value where that is beyond 1, and the norm of the gradient's difference by its norm, the worst
/// of the nine numbers.
Errors errors_of(const Setting& one) {
  const auto splats = splats_of(one).narrow(0, 0, 2).contiguous();
  const auto run = [&](const at::Tensor& given, Mode mode) {
    auto leaf = given.detach().clone().requires_grad_(true);
    const auto picture = patches::render(leaf, one.form, mode);
    picture.square().mean().backward();
    return std::pair{picture.detach().to(at::kDouble), leaf.grad().to(at::kDouble)};
  };
  const auto [own, own_gradient] = run(splats, Mode::fused);
  const auto [truth, gradient] = run(splats.to(at::kDouble), Mode::eager);
  const auto norms = [](const at::Tensor& t) { return t.flatten(0, 3).norm(2, {0}); };
  const double largest = std::max(1.0, truth.abs().max().item<double>());
  return {(own - truth).abs().max().item<double>() / largest,
          (norms(own_gradient - gradient) / norms(gradient)).max().item<double>()};
}

JsonRow compare(const Setting& one, int rounds) {
  const auto times = measure(one, {Mode::fused, Mode::eager}, rounds);
  const auto errors = errors_of(one);
  const Times &fused = times[0], &eager = times[1];
  const bool shared = one.form.sharing == Sharing::kNeighbours;
  std::printf("| %s | %s | %.3f | %.3f | %.3f | %.2f | %.2f | %.1f | %.1f | %.1e | %.1e |\n",
              one.kernel, shared ? "3 x 3" : "own", one.depth_gain, fused.forward, fused.both,
              eager.forward, eager.both, eager.forward / fused.forward, eager.both / fused.both,
              errors.value, errors.gradient);
  std::fflush(stdout);
  return {{"kernel", std::string(one.kernel)},
          {"sharing", std::string(shared ? "neighbours" : "own")},
          {"depth_gain", one.depth_gain},
          {"batch", one.shape.batch},
          {"splats", one.shape.splats},
          {"side", one.shape.side * one.form.tile},
          {"forward_ms", fused.forward},
          {"forward_backward_ms", fused.both},
          {"eager_forward_ms", eager.forward},
          {"eager_forward_backward_ms", eager.both},
          {"forward_ratio", eager.forward / fused.forward},
          {"forward_backward_ratio", eager.both / fused.both},
          {"value_error", errors.value},
          {"gradient_error", errors.gradient}};
}

/// Exponent of a power law, by least squares in log-log.
double exponent(const std::vector<std::pair<double, double>>& points) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(points.size());
  for (const auto& [at, value] : points) {
    x += std::log(at) / n;
    y += std::log(value) / n;
  }
  for (const auto& [at, value] : points) {
    xx += (std::log(at) - x) * (std::log(at) - x);
    xy += (std::log(at) - x) * (std::log(value) - y);
  }
  return xy / xx;
}

/// Forward and backward over `sizes` that change(setting, size) sets; x is what a size counts.
template <class Change, class Count>
JsonRow growth(const char* over, const std::vector<std::int64_t>& sizes, const Change& change,
               const Count& count) {
  std::vector<std::pair<double, double>> forward, both;
  std::printf("fused, over %s:", over);
  for (const std::int64_t size : sizes) {
    Setting one{"cosine", {Kernel::kCosine, Sharing::kNeighbours, 8}, 0.125, {4, 8, 16}};
    change(one, size);
    const auto times = measure(one, {Mode::fused}, 5)[0];
    forward.emplace_back(count(one), times.forward);
    both.emplace_back(count(one), times.both);
    std::printf(" %.0f: %.3f, %.3f ms;", count(one), times.forward, times.both);
  }
  std::printf(" exponents %.2f forward, %.2f forward + backward\n", exponent(forward),
              exponent(both));
  return {{"over", std::string(over)},
          {"forward_exponent", exponent(forward)},
          {"forward_backward_exponent", exponent(both)}};
}

void run(const Options& options) {
  use_threads(options.threads);
  const int rounds = options.quick ? 1 : 5;
  std::vector<JsonRow> rows;
  std::puts(
      "| kernel | splats of | depth gain | fused forward, ms | forward + backward, ms | eager"
      " forward | forward + backward | ratio forward | ratio forward + backward | largest"
      " error | gradient |");
  std::puts("|---|---|---|---|---|---|---|---|---|---|---|");
  const std::pair<const char*, Kernel> kernels[] = {{"cosine", Kernel::kCosine},
                                                    {"sharp", Kernel::kSharp},
                                                    {"exponential", Kernel::kExponential},
                                                    {"sharp-post", Kernel::kSharpPost}};
  for (const auto& [name, kernel] : kernels) {
    if (options.quick && kernel != Kernel::kCosine) continue;
    for (const auto sharing : {Sharing::kNeighbours, Sharing::kOwn}) {
      for (const double gain : {1.0, 0.125}) {
        rows.push_back(compare({name, {kernel, sharing, 8}, gain}, rounds));
      }
    }
  }
  const std::vector<std::int64_t> splats = options.quick
                                               ? std::vector<std::int64_t>{8, 32}
                                               : std::vector<std::int64_t>{4, 8, 16, 32, 64};
  const std::vector<std::int64_t> tiles = options.quick
                                              ? std::vector<std::int64_t>{8, 16}
                                              : std::vector<std::int64_t>{8, 16, 32, 64, 128};
  rows.push_back(growth(
      "splats a tile", splats, [](Setting& one, std::int64_t n) { one.shape.splats = n; },
      [](const Setting& one) { return static_cast<double>(one.shape.splats); }));
  rows.push_back(growth(
      "pixels", tiles, [](Setting& one, std::int64_t n) { one.form.tile = n; },
      [](const Setting& one) {
        const auto side = static_cast<double>(one.shape.side * one.form.tile);
        return side * side;
      }));
  if (!options.json.empty()) testing::write_json_rows(options.json, rows);
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  neurosplat::keep_freed_memory();
  try {
    if (argc > 1 && std::string(argv[1]) == "--help") {
      std::fputs(neurosplat::benchmarks::kUsage, stdout);
      return 0;
    }
    neurosplat::benchmarks::run(neurosplat::benchmarks::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patches_benchmark: %s\n", error.what());
    return dynamic_cast<const neurosplat::UsageError*>(&error) != nullptr ? 2 : 1;
  }
  return 0;
}
