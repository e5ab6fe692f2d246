/// Every renderer through one list of cases, without a test framework: values, gradients, what is
/// refused, speed. Also runs where only LibTorch is at hand (see scripts/gpu_check.sh).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "check_program.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer_cases.h"
#include "renderer_numbers.h"

namespace neurosplat {
namespace {

using testing::CheckOptions;
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

/// Runs the checks and keeps their rows.
class Check {
 public:
  explicit Check(const CheckOptions& options)
      : options_(options),
        kind_(renderer_from_name(options.renderer)),
        device_(options.device_type()),
        report_(options) {
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
    return report_.finish();
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

  void values(const RendererCase& one) {
    const at::NoGradGuard no_gradient;
    auto active = testing::active_packets(one);
    // The dense sum is the others' truth, in double; its own are plain loops.
    if (kind_ == RendererKind::dense) active = active.to(at::kDouble);
    const auto own = render(active.to(device_), one.height, one.width, drawing(kind_));
    const auto exact =
        kind_ == RendererKind::dense ? loops(active, one) : truth(active.to(at::kDouble), one);
    report_.add("values", one.name, testing::error_of(own.cpu(), exact), kValueBound);
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
    report_.add("gradients", one.name, *worst, kGradientBound,
                text("worst: number ", worst - errors.begin()));
  }

  void speed(const RendererCase& one) {
    const auto active = testing::active_packets(one).to(device_);
    const auto forward = [&](RendererKind kind) {
      return testing::median_ms(device_, [&, kind] {
        const at::NoGradGuard no_gradient;
        render(active, one.height, one.width, drawing(kind));
      });
    };
    const auto both = [&](RendererKind kind) {
      return testing::median_ms(device_, [&, kind] {
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
    report_.add({{"mode", std::string("speed")},
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

  void refuses(const std::string& what, const at::Tensor& packets, std::int64_t height = 8,
               std::int64_t width = 8) {
    report_.refuses(what, [&] { render(packets, height, width, drawing(kind_)); });
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
    report_.expect("the same bits again", at::equal(draw(good), expected));
    report_.expect("strided",
                   at::equal(draw(good.transpose(1, 2).contiguous().transpose(1, 2)), expected));
    report_.expect("expanded",
                   at::equal(draw(good.narrow(0, 0, 1).expand({3, -1, -1}))[2], expected[0]));
    auto part = good.narrow(1, 5, 10).detach().requires_grad_(true);
    draw(at::cat({good.narrow(1, 0, 5), part, good.narrow(1, 15, 5)}, 1)).sum().backward();
    report_.expect("a gradient for a part", part.grad().abs().sum().item<double>() > 0);
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
      report_.expect(text("NaN in number ", number, " is seen"), seen);
    }
  }

  CheckOptions options_;
  RendererKind kind_;
  at::DeviceType device_;
  std::vector<RendererCase> cases_;
  testing::CheckReport report_;
};

void try_cuda() {
  render(testing::active_packets({"", 1, 1, 1, 0, 0}).to(at::kCUDA), 2, 2,
         {.form = PacketForm::activated, .renderer = RendererKind::cuda});
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  using namespace neurosplat;
  return testing::run_check(argc, argv, "renderer_check", kUsage, "matrix", try_cuda,
                            [](const auto& options) { return Check(options).run(); });
}
