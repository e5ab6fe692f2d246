/// Every patch renderer through one list of cases, without a test framework: values, gradients,
/// what is refused, speed. Also runs where only LibTorch is at hand (see scripts/gpu_check.sh).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>
#include <string>
#include <vector>

#include "check_program.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/patches/patches.h"
#include "patch_numbers.h"

namespace neurosplat {
namespace {

using patches::Form;
using patches::Mode;
using patches::Sharing;
using testing::CheckOptions;
using testing::PatchCase;

constexpr const char* kUsage =
    "Usage: patches_check [values] [gradients] [support] [speed] [options]\n"
    "Without a mode: values, gradients and support. Exits with 1 when a check fails.\n"
    "  --renderer NAME   eager, fused (default) or cuda\n"
    "  --device NAME     cpu (default) or cuda\n"
    "  --only TEXT       the cases whose name holds TEXT\n"
    "  --small           the cases of at most 200000 splat-pixels, for checkers that slow it down\n"
    "  --slow            the slow cases too\n"
    "  --json FILE       writes the rows of the table there\n"
    "Bounds: values 2e-6 from plain loops in float64 (sharp kernels 1e-5), relative to the "
    "largest\n"
    "where that is beyond 1; gradients 1e-5 (5e-5) of the eager form's in float64, by the norm "
    "over\n"
    "all splats of each of their numbers, pixels within 2e-5 of a kink left out. The eager form\n"
    "itself runs in float64.\n";

class Check {
 public:
  explicit Check(const CheckOptions& options)
      : options_(options),
        mode_(patches::mode_from_name(options.renderer)),
        device_(options.device_type()),
        report_(options) {
    for (const auto& one : testing::patch_cases()) add(one);
    if (!options.slow) return;
    for (const auto& one : testing::slow_patch_cases()) add(one);
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
  void add(const PatchCase& one) {
    if (one.name.find(options_.only) == std::string::npos) return;
    const std::int64_t pixels = one.batch * one.rows * one.columns * one.form.tile * one.form.tile;
    if (options_.small && pixels * one.splats * 9 > 200'000) return;
    cases_.push_back(one);
  }

  at::Tensor splats_of(const PatchCase& one) const {
    const auto splats = testing::patch_splats(one);
    return mode_ == Mode::eager ? splats.to(at::kDouble) : splats;
  }

  void values(const PatchCase& one) {
    const at::NoGradGuard no_gradient;
    const auto splats = splats_of(one);
    const auto own = patches::render(splats.to(device_), one.form, mode_).cpu();
    report_.add("values", one.name,
                testing::error_of(own, testing::patch_truth(splats, one.form).picture),
                testing::patch_value_bound(one));
  }

  void gradients(const PatchCase& one) {
    const auto splats = splats_of(one);
    const auto weight = testing::patch_weight(testing::patch_truth(splats, one.form).smooth);
    const auto exact =
        testing::patch_gradient(splats.to(at::kDouble), one.form, Mode::eager, weight);
    const auto own = testing::patch_gradient(splats.to(device_), one.form, mode_, weight);
    report_.add("gradients", one.name, testing::patch_gradient_error(own.cpu(), exact),
                testing::patch_gradient_bound(one));
  }

  void speed(const PatchCase& one) {
    const auto splats = testing::patch_splats(one).to(device_);
    const auto times = [&](Mode mode) {
      const double forward = testing::median_ms(device_, [&] {
        const at::NoGradGuard no_gradient;
        patches::render(splats, one.form, mode);
      });
      const double both = testing::median_ms(device_, [&] {
        auto leaf = splats.detach().clone().requires_grad_(true);
        patches::render(leaf, one.form, mode).square().mean().backward();
      });
      return std::pair{forward, both};
    };
    const auto [forward, both] = times(mode_);
    const auto [eager_forward, eager_both] = times(Mode::eager);
    std::printf(
        "speed      %-32s forward %9.3f ms (eager / own %6.1f)  with backward %9.3f ms "
        "(%6.1f)\n",
        one.name.c_str(), forward, eager_forward / forward, both, eager_both / both);
    report_.add({{"mode", std::string("speed")},
                 {"case", one.name},
                 {"implementation", options_.renderer},
                 {"device", options_.device},
                 {"forward_ms", forward},
                 {"forward_backward_ms", both},
                 {"forward_ratio", eager_forward / forward},
                 {"forward_backward_ratio", eager_both / both}});
  }

  void refuses(const std::string& what, const at::Tensor& splats, std::int64_t tile = 8) {
    report_.refuses(what, [&] { patches::render(splats, {.tile = tile}, mode_); });
  }

  void support() {
    const auto good = testing::patch_splats({"", 2, 3, 2, 5, {}}).to(device_);
    refuses("no batch dimension", good[0]);
    refuses("an empty batch", good.narrow(0, 0, 0));
    refuses("no tiles", good.narrow(1, 0, 0));
    refuses("no splats", good.narrow(3, 0, 0));
    refuses("eight numbers", good.narrow(4, 0, 8));
    refuses("16-bit numbers", good.to(at::kHalf));
    refuses("a tile without pixels", good, 0);
    refuses("an endless tile", good, std::numeric_limits<std::int64_t>::max());
    if (mode_ != Mode::eager) refuses("float64", good.to(at::kDouble));
    if (mode_ == Mode::cuda) refuses("splats on the CPU", good.cpu());
    if (mode_ == Mode::fused && torch::cuda::is_available()) {
      refuses("splats on a GPU", good.to(at::kCUDA));
    }
    odd_tensors(good);
    for (int number = 0; number < patches::kNumbers; ++number) bad_number(good, number);
  }

  void odd_tensors(const at::Tensor& good) {
    const auto draw = [&](const at::Tensor& splats) {
      return patches::render(splats, {.sharing = Sharing::kNeighbours}, mode_);
    };
    const auto expected = draw(good);
    report_.expect("the same bits again", at::equal(draw(good), expected));
    report_.expect("strided",
                   at::equal(draw(good.transpose(1, 3).contiguous().transpose(1, 3)), expected));
    report_.expect("expanded", at::equal(draw(good.narrow(0, 0, 1).expand({3, -1, -1, -1, -1}))[2],
                                         expected[0]));
    auto part = good.narrow(3, 1, 2).detach().requires_grad_(true);
    draw(at::cat({good.narrow(3, 0, 1), part, good.narrow(3, 3, 2)}, 3)).sum().backward();
    report_.expect("a gradient for a part", part.grad().abs().sum().item<double>() > 0);
  }

  /// NaN in is NaN out, or a refusal; never a picture.
  void bad_number(const at::Tensor& good, int number) {
    auto splats = good.clone();
    splats[1][0][1][2][patches::kWeight].fill_(60);  // so that it is seen
    splats[1][0][1][2][number].fill_(std::numeric_limits<double>::quiet_NaN());
    bool seen = false;
    try {
      seen = patches::render(splats, {}, mode_)[1].isnan().any().item<bool>();
    } catch (const UsageError&) {
      seen = true;
    }
    report_.expect(text("NaN in number ", number, " is seen"), seen);
  }

  CheckOptions options_;
  Mode mode_;
  at::DeviceType device_;
  std::vector<PatchCase> cases_;
  testing::CheckReport report_;
};

void try_cuda() {
  const auto splats = testing::patch_splats({"", 1, 1, 1, 1, {}});
  patches::render(splats.to(at::kCUDA), {}, Mode::cuda);
}

}  // namespace
}  // namespace neurosplat

int main(int argc, char** argv) {
  using namespace neurosplat;
  return testing::run_check(argc, argv, "patches_check", kUsage, "fused", try_cuda,
                            [](const auto& options) { return Check(options).run(); });
}
