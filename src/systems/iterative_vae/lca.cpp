#include "neurosplat/systems/iterative_vae/lca.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/matrix_checks.h"

namespace neurosplat {
namespace {

/// Rounding of float32 in the length of a column, with room.
constexpr double kUnitLength = 1e-3;
/// Neurons that a thread moves at least.
constexpr std::int64_t kNeurons = 1 << 14;

void check_settings(const LcaSettings& settings) {
  if (std::isfinite(settings.lambda) && settings.lambda >= 0 && settings.iterations >= 0 &&
      std::isfinite(settings.tau) && settings.tau >= 1) {
    return;
  }
  throw UsageError(text("expected a lambda and iterations of at least 0 and a tau of at least 1 ",
                        "step, got ", settings.lambda, ", ", settings.iterations, " and ",
                        settings.tau, ": change the settings of the LCA"));
}

void check_shapes(const at::Tensor& dictionary, const at::Tensor& patches) {
  check_matrix("dictionary [M, K]", dictionary);
  check_matrix("patches [N, M]", patches);
  if (patches.size(1) != dictionary.size(0)) {
    throw UsageError(text("expected patches of ", dictionary.size(0), " numbers, as the ",
                          "dictionary's columns, got ", patches.size(1),
                          ": use the patches that it was learnt from"));
  }
  if (!patches.is_cpu() || !dictionary.is_cpu()) {
    throw UsageError("expected patches and dictionary on the CPU for the LCA, got another device");
  }
}

void check_lengths(const at::Tensor& dictionary) {
  const at::Tensor off = (dictionary.square().sum(0).sqrt() - 1.0).abs().max();
  if (const auto most = off.item<double>(); !(most < kUnitLength)) {
    throw UsageError(text("expected dictionary columns of unit length, got one off by ", most,
                          ": divide each by its length"));
  }
}

void check_finite(const at::Tensor& codes) {
  if (at::isfinite(codes.sum()).item<bool>()) return;
  throw Error(
      "expected codes of finite numbers from the LCA, got others: check the patches, or "
      "raise tau where columns are much alike");
}

/// What the neurons of a batch need, made once for a batch size.
class Neurons {
 public:
  Neurons(std::int64_t patches, std::int64_t columns)
      : drive_(at::empty({patches, columns}, at::kFloat)),
        inhibition_(at::empty_like(drive_)),
        state_(at::empty_like(drive_)),
        codes_(at::empty_like(drive_)) {}

  /// Valid until the next call.
  const at::Tensor& settle(const at::Tensor& dictionary, const at::Tensor& patches,
                           const LcaSettings& settings) {
    const at::Tensor gram = at::mm(dictionary.t(), dictionary);
    at::mm_out(drive_, patches, dictionary);
    state_.zero_();
    codes_.zero_();
    for (std::int64_t i = 0; i < settings.iterations; ++i) {
      at::mm_out(inhibition_, codes_, gram);
      step(static_cast<float>(settings.lambda), static_cast<float>(1.0 / settings.tau));
    }
    return codes_;
  }

 private:
  /// u - a is u cut off at +-lambda, so that the drive less all inhibition, that cut-off u taken
  /// away, is what the equation has.
  void step(float lambda, float rate) {
    const float* const drive = drive_.const_data_ptr<float>();
    const float* const inhibition = inhibition_.const_data_ptr<float>();
    float* const state = state_.mutable_data_ptr<float>();
    float* const codes = codes_.mutable_data_ptr<float>();
    at::parallel_for(0, state_.numel(), kNeurons, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float u = state[i];
        const float cut = std::min(std::max(u, -lambda), lambda);
        const float next = u + rate * (drive[i] - inhibition[i] - cut);
        state[i] = next;
        codes[i] = next - std::min(std::max(next, -lambda), lambda);
      }
    });
  }

  at::Tensor drive_, inhibition_, state_, codes_;
};

void normalise(at::Tensor& dictionary) {
  dictionary.div_(dictionary.square().sum(0, /*keepdim=*/true).sqrt_());
}

void check_settings(const LcaDictionarySettings& settings, std::int64_t patches) {
  check_settings(settings.inference);
  const bool sane = settings.columns >= 1 && settings.batch >= 1 && settings.epochs >= 0 &&
                    settings.epochs_per_lambda >= 1 && settings.rate > 0 &&
                    std::isfinite(settings.rate) && settings.first_lambda >= 0 &&
                    settings.lambda_step >= 0;
  if (!sane) {
    throw UsageError(text("expected columns, batch, epochs per lambda and rate of a dictionary ",
                          "above 0, epochs and lambdas of at least 0, got ", settings.columns, ", ",
                          settings.batch, ", ", settings.epochs_per_lambda, ", ", settings.rate,
                          ", ", settings.epochs, ", ", settings.first_lambda, " and ",
                          settings.lambda_step, ": change them"));
  }
  if (patches < settings.batch) {
    throw UsageError(text("expected at least a batch of ", settings.batch,
                          " patches to learn a dictionary from, got ", patches,
                          ": make the batch smaller"));
  }
}

/// One pass over shuffled patches; its means.
class DictionaryEpoch {
 public:
  DictionaryEpoch(const LcaDictionarySettings& settings, std::int64_t numbers)
      : settings_(settings),
        neurons_(settings.batch, settings.columns),
        residual_(at::empty({settings.batch, numbers}, at::kFloat)) {}

  LcaProgress run(at::Tensor& dictionary, const at::Tensor& patches, const at::Tensor& order,
                  std::int64_t epoch) {
    LcaSettings inference = settings_.inference;
    inference.lambda = lambda_of_epoch(settings_, epoch);
    const std::int64_t batches = patches.size(0) / settings_.batch;
    LcaProgress progress{epoch, inference.lambda, 0.0, 0.0};
    for (std::int64_t b = 0; b < batches; ++b) {
      const at::Tensor batch =
          patches.index_select(0, order.narrow(0, b * settings_.batch, settings_.batch));
      const at::Tensor& codes = neurons_.settle(dictionary, batch, inference);
      check_finite(codes);
      at::addmm_out(residual_, batch, codes, dictionary.t(), 1.0, -1.0);
      progress.objective += 0.5 * residual_.square().sum().item<double>() +
                            inference.lambda * codes.abs().sum().item<double>();
      progress.zeros += (codes == 0).sum().item<double>();
      dictionary.addmm_(residual_.t(), codes, 1.0,
                        settings_.rate / static_cast<double>(settings_.batch));
      normalise(dictionary);
    }
    const auto seen = static_cast<double>(batches * settings_.batch);
    progress.objective /= seen;
    progress.zeros /= seen * static_cast<double>(settings_.columns);
    return progress;
  }

 private:
  const LcaDictionarySettings& settings_;
  Neurons neurons_;
  at::Tensor residual_;
};

}  // namespace

at::Tensor lca_codes(const at::Tensor& dictionary, const at::Tensor& patches,
                     const LcaSettings& settings) {
  const c10::NoGradGuard no_grad;
  check_settings(settings);
  check_shapes(dictionary, patches);
  check_lengths(dictionary);
  Neurons neurons(patches.size(0), dictionary.size(1));
  at::Tensor codes = neurons.settle(dictionary.to(at::kFloat), patches.to(at::kFloat), settings);
  check_finite(codes);
  return codes;
}

at::Tensor lasso_objective(const at::Tensor& dictionary, const at::Tensor& patches,
                           const at::Tensor& codes, double lambda) {
  const c10::NoGradGuard no_grad;
  check_shapes(dictionary, patches);
  check_matrix("codes [N, K]", codes);
  if (codes.size(0) != patches.size(0) || codes.size(1) != dictionary.size(1)) {
    throw UsageError(text("expected codes [", patches.size(0), ", ", dictionary.size(1), "], got ",
                          codes.sizes(), ": give those of these patches and this dictionary"));
  }
  const at::Tensor exact = codes.to(at::kDouble);
  const at::Tensor residual =
      at::addmm(patches.to(at::kDouble), exact, dictionary.to(at::kDouble).t(), 1.0, -1.0);
  return 0.5 * residual.square().sum(1) + lambda * exact.abs().sum(1);
}

double lambda_of_epoch(const LcaDictionarySettings& settings, std::int64_t epoch) {
  const auto raised = static_cast<double>(epoch / settings.epochs_per_lambda);
  return std::min(settings.inference.lambda, settings.first_lambda + settings.lambda_step * raised);
}

at::Tensor learn_lca_dictionary(const at::Tensor& patches, const LcaDictionarySettings& settings,
                                std::uint64_t seed,
                                const std::function<bool(const LcaProgress&)>& ended) {
  const c10::NoGradGuard no_grad;
  check_matrix("patches [N, M]", patches);
  check_settings(settings, patches.size(0));
  const at::Tensor single = patches.to(at::kFloat);
  at::Generator generator = at::detail::createCPUGenerator(seed);
  at::Tensor dictionary = at::randn({patches.size(1), settings.columns}, generator, at::kFloat);
  normalise(dictionary);
  check_shapes(dictionary, single);
  DictionaryEpoch pass(settings, patches.size(1));
  for (std::int64_t epoch = 0; epoch < settings.epochs; ++epoch) {
    const at::Tensor order = at::randperm(patches.size(0), generator, at::kLong);
    const LcaProgress progress = pass.run(dictionary, single, order, epoch);
    if (ended && !ended(progress)) break;
  }
  return dictionary;
}

}  // namespace neurosplat
