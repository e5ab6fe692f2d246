/// Every renderer through one list of cases, without a test framework: values, gradients, what is
/// refused, speed. Also runs where only LibTorch is at hand (see scripts/gpu_check.sh).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer_cases.h"
#include "renderer_numbers.h"
#include "support/json_rows.h"

namespace neurosplat {
namespace {

using testing::JsonRow;
using testing::RendererCase;

constexpr double kValueBound = 2e-6, kGradientBound = 1e-5;

constexpr const char* kUsage =
    "Usage: renderer_check [values] [gradients] [support] [speed] [options]\n"
    "Without a mode: values, gradients and support. Exits with 1 when a check fails.\n"
    "  --renderer NAME   dense, matrix (default) or cuda\n"
    "  --device NAME     cpu (default) or cuda\n"
    "  --only TEXT       the cases whose name holds TEXT\n"
    "  --small           the cases of at most 100000 packet-pixels, for checkers that slow it "
    "down\n"
    "  --slow            the slow cases too\n"
    "  --json FILE       writes the rows of the table there\n"
    "Bounds: values 2e-6 from the float64 dense sum, relative to its largest where that is beyond\n"
    "1 (the dense sum itself runs in float64, against plain loops); gradients 1e-5 relative, by "
    "the norm over all packets of each of their numbers.\n";

struct Options {
  std::vector<std::string> modes;
  std::string renderer = "matrix", device = "cpu", only, json;
  bool small = false, slow = false;
};

Options parse(int argc, char** argv) {
  Options options;
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

/// Runs the checks and keeps their rows.
class Check {
 public:
  explicit Check(const Options& options)
      : options_(options),
        kind_(renderer_from_name(options.renderer)),
        device_(options.device == "cuda" ? at::kCUDA : at::kCPU) {
    for (const auto& one : testing::renderer_cases()) add(one);
    if (!options.slow) return;
    for (const auto& one : testing::slow_renderer_cases()) add(one);
  }

  int run() {
    for (const auto& mode : options_.modes) {
      if (mode == "support") {
        support();
        continue;
      }
      for (const auto& one : cases_) {
        if (mode == "values") values(one);
        if (mode == "gradients") gradients(one);
        if (mode == "speed") speed(one);
      }
    }
    if (!options_.json.empty()) testing::write_json_rows(options_.json, rows_);
    std::printf("%s on %s: %zu checks, %d failed\n", options_.renderer.c_str(),
                options_.device.c_str(), rows_.size(), failures_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  void add(const RendererCase& one) {
    if (one.name.find(options_.only) == std::string::npos) return;
    if (options_.small && one.batch * one.packets * one.height * one.width > 100'000) return;
    cases_.push_back(one);
  }

  RenderOptions drawing(RendererKind kind, std::int64_t chunk = 64) const {
    return {
        .form = PacketForm::activated, .output = Output::linear, .renderer = kind, .chunk = chunk};
  }

  at::Tensor truth(const at::Tensor& active, const RendererCase& one) const {
    return render(active, one.height, one.width, drawing(RendererKind::dense, 16));
  }

  static at::Tensor loops(const at::Tensor& active, const RendererCase& one) {
    std::vector<at::Tensor> pictures;
    for (const auto& packets : active.unbind(0)) {
      pictures.push_back(testing::formula(packets, one.height, one.width));
    }
    return at::stack(pictures);
  }

  void report(const std::string& mode, const std::string& name, double error, double bound,
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

  void values(const RendererCase& one) {
    const at::NoGradGuard no_gradient;
    auto active = testing::active_packets(one);
    // The dense sum is the others' truth, in double; its own are plain loops.
    if (kind_ == RendererKind::dense) active = active.to(at::kDouble);
    const auto own = render(active.to(device_), one.height, one.width, drawing(kind_));
    const auto exact =
        kind_ == RendererKind::dense ? loops(active, one) : truth(active.to(at::kDouble), one);
    report("values", one.name, testing::error_of(own.cpu(), exact), kValueBound);
  }

  void gradients(const RendererCase& one) {
    const auto active = testing::active_packets(one);
    const auto weight = at::randn({one.batch, one.channels, one.height, one.width},
                                  at::detail::createCPUGenerator(11), at::kFloat);
    auto exact = active.to(at::kDouble).requires_grad_(true);
    (truth(exact, one) * weight).sum().backward();
    auto own = active.to(device_).detach().clone().requires_grad_(true);
    (render(own, one.height, one.width, drawing(kind_)) * weight.to(device_)).sum().backward();
    const auto errors = testing::gradient_errors(own.grad().cpu(), exact.grad());
    const auto worst = std::max_element(errors.begin(), errors.end());
    report("gradients", one.name, *worst, kGradientBound,
           text("worst: number ", worst - errors.begin()));
  }

  /// Milliseconds of the middle one of several runs.
  double median_ms(const std::function<void()>& work) const {
    const auto finish = [&] {
      if (device_ == at::kCUDA) torch::cuda::synchronize();
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

  void speed(const RendererCase& one) {
    const auto active = testing::active_packets(one).to(device_);
    const auto forward = [&](RendererKind kind) {
      return median_ms([&, kind] {
        const at::NoGradGuard no_gradient;
        render(active, one.height, one.width, drawing(kind));
      });
    };
    const auto both = [&](RendererKind kind) {
      return median_ms([&, kind] {
        auto packets = active.detach().clone().requires_grad_(true);
        render(packets, one.height, one.width, drawing(kind)).square().mean().backward();
      });
    };
    const double own[] = {forward(kind_), both(kind_)};
    const double dense[] = {forward(RendererKind::dense), both(RendererKind::dense)};
    std::printf(
        "speed      %-32s forward %9.3f ms (dense / own %6.1f)  with backward %9.3f ms "
        "(%6.1f)\n",
        one.name.c_str(), own[0], dense[0] / own[0], own[1], dense[1] / own[1]);
    rows_.push_back({{"mode", std::string("speed")},
                     {"case", one.name},
                     {"implementation", options_.renderer},
                     {"device", options_.device},
                     {"batch", one.batch},
                     {"packets", one.packets},
                     {"height", one.height},
                     {"width", one.width},
                     {"forward_ms", own[0]},
                     {"forward_backward_ms", own[1]},
                     {"forward_ratio", dense[0] / own[0]},
                     {"forward_backward_ratio", dense[1] / own[1]}});
  }

  void expect(const std::string& what, bool held) {
    report("support", what, held ? 0.0 : 1.0, 0.5);
  }

  void refuses(const std::string& what, const at::Tensor& packets, std::int64_t height = 8,
               std::int64_t width = 8) {
    try {
      render(packets, height, width, drawing(kind_));
      expect("refuses " + what, false);
    } catch (const UsageError& error) {
      expect("refuses " + what, std::string(error.what()).find('\n') == std::string::npos);
    }
  }

  void support() {
    const auto good = testing::active_packets({"", 2, 20, 3, 0, 0}).to(device_);
    refuses("no batch dimension", good[0]);
    refuses("an empty batch", good.narrow(0, 0, 0));
    refuses("no packets", good.narrow(1, 0, 0));
    refuses("half a channel", good.narrow(2, 0, 10));
    refuses("no channel", good.narrow(2, 0, 5));
    refuses("16-bit numbers", good.to(at::kHalf));
    refuses("one row", good, 1, 8);
    refuses("an endless side", good, 8, std::numeric_limits<std::int64_t>::max());
    if (kind_ != RendererKind::dense) refuses("float64", good.to(at::kDouble));
    if (kind_ == RendererKind::cuda) refuses("packets on the CPU", good.cpu());
    if (kind_ == RendererKind::matrix && torch::cuda::is_available()) {
      refuses("packets on a GPU", good.to(at::kCUDA));
    }
    odd_tensors(good);
    bad_numbers(good);
  }

  void odd_tensors(const at::Tensor& good) {
    const auto draw = [&](const at::Tensor& packets) {
      return render(packets, 16, 24, drawing(kind_));
    };
    const auto expected = draw(good);
    expect("the same bits again", at::equal(draw(good), expected));
    expect("strided", at::equal(draw(good.transpose(1, 2).contiguous().transpose(1, 2)), expected));
    expect("expanded", at::equal(draw(good.narrow(0, 0, 1).expand({3, -1, -1}))[2], expected[0]));
    auto part = good.narrow(1, 5, 10).detach().requires_grad_(true);
    draw(at::cat({good.narrow(1, 0, 5), part, good.narrow(1, 15, 5)}, 1)).sum().backward();
    expect("a gradient for a part", part.grad().abs().sum().item<double>() > 0);
  }

  /// NaN in is NaN out, or a refusal; never a picture.
  void bad_numbers(const at::Tensor& good) {
    for (int number = 0; number < 11; ++number) {
      auto packets = good.clone();
      packets.select(0, 1).select(0, 7).select(0, number).fill_(
          std::numeric_limits<double>::quiet_NaN());
      bool seen = false;
      try {
        seen = render(packets, 16, 24, drawing(kind_))[1].isnan().any().item<bool>();
      } catch (const UsageError&) {
        seen = true;
      }
      expect(text("NaN in number ", number, " is seen"), seen);
    }
  }

  Options options_;
  RendererKind kind_;
  at::DeviceType device_;
  std::vector<RendererCase> cases_;
  std::vector<JsonRow> rows_;
  int failures_ = 0;
};

/// Why nothing can be checked, or nothing.
std::string reason_to_skip(const Options& options) {
  if (options.device == "cuda" && !torch::cuda::is_available()) {
    return "LibTorch finds no CUDA device here";
  }
  if (options.renderer != "cuda" || options.device != "cuda") return "";
  try {
    render(testing::active_packets({"", 1, 1, 1, 0, 0}).to(at::kCUDA), 2, 2,
           {.form = PacketForm::activated, .renderer = RendererKind::cuda});
  } catch (const UsageError& error) {
    return error.what();  // a build without the kernels
  }
  return "";
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  try {
    if (argc > 1 && (std::string(argv[1]) == "--help" || std::string(argv[1]) == "-h")) {
      std::cout << neurosplat::kUsage;
      return 0;
    }
    const auto options = neurosplat::parse(argc, argv);
    const auto reason = neurosplat::reason_to_skip(options);
    if (!reason.empty()) {
      std::cout << "SKIPPED: " << reason << '\n';
      return 0;
    }
    return neurosplat::Check(options).run();
  } catch (const neurosplat::UsageError& error) {
    std::cerr << "renderer_check: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "renderer_check: " << error.what() << '\n';
    return 1;
  }
}
