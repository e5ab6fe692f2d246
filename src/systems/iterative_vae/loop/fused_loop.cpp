#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/loop/chunk.h"

namespace neurosplat::ivae {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// Pictures of a chunk: its sheets are a few megabytes. The same whatever the threads, so that sums
/// are the same too.
constexpr std::int64_t kChunk = 50;

/// A copy with rows of `stride` floats.
at::Tensor with_rows_of(const at::Tensor& matrix, std::int64_t stride) {
  auto copy = at::zeros({matrix.size(0), stride}, at::kFloat);
  copy.narrow(1, 0, matrix.size(1)).copy_(matrix);
  return copy;
}

float* add_sums(at::Tensor& into, const simd::AlignedFloats& sums) {
  auto* to = into.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < sums.size(); ++i) to[i] += sums[i];
  return to;
}

/// The loop's loss but for the part of the scale alone, and its gradients, which are found on the
/// way there: the graph sees one function.
struct FusedLoop : torch::autograd::Function<FusedLoop> {
  static Variable forward(AutogradContext* context, const Variable& dictionary,
                          const Variable& precision, const Variable& bias, const Variable& rates,
                          const std::optional<at::Tensor>& gain, const Variable& state,
                          const std::optional<at::Tensor>& second, const at::Tensor& x,
                          const LoopSettings* settings, LoopResult* result);
  static variable_list backward(AutogradContext* context, variable_list outputs) {
    auto saved = context->get_saved_variables();
    variable_list gradients(10);
    for (std::size_t i = 0; i < saved.size(); ++i) {
      if (saved[i].defined()) gradients[i] = saved[i] * outputs[0];
    }
    return gradients;
  }
};

struct Gradients {
  at::Tensor dictionary, precision, bias, rates, gain;
  std::array<at::Tensor, 2> state;
};

Gradients run_chunks(const LoopProblem& problem, const std::array<float*, 2>& end,
                     LoopResult& result) {
  const auto& settings = *problem.settings;
  const auto chunks = (problem.pictures + kChunk - 1) / kChunk;
  std::vector<ChunkSums> sums(static_cast<std::size_t>(chunks), ChunkSums(problem));
  Gradients gradients;
  std::array<float*, 2> begin_adjoint{};
  for (int i = 0; i < problem.states(); ++i) {
    gradients.state[static_cast<std::size_t>(i)] =
        at::empty({problem.pictures, problem.latents}, at::kFloat);
    begin_adjoint[static_cast<std::size_t>(i)] =
        gradients.state[static_cast<std::size_t>(i)].mutable_data_ptr<float>();
  }
  at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
    Chunk chunk(problem);
    for (auto i = first; i < last; ++i) {
      const auto count = std::min(kChunk, problem.pictures - i * kChunk);
      chunk.run(i * kChunk, count, sums[static_cast<std::size_t>(i)], end.data(),
                begin_adjoint.data());
    }
  });

  auto dictionary = at::zeros({problem.pixels, problem.latent_row()}, at::kFloat);
  gradients.precision = at::zeros({problem.pixels}, at::kFloat);
  gradients.bias = at::zeros({problem.latents}, at::kFloat);
  gradients.gain = at::zeros({problem.latents}, at::kFloat);
  double log_rates[2] = {0, 0};
  const auto frames = static_cast<std::size_t>(settings.frames);
  result.nll_by_frame.assign(frames, 0.0);
  result.kl_by_frame.assign(frames, 0.0);
  result.largest_log_rate = sums.front().largest;
  for (const auto& part : sums) {
    add_sums(dictionary, part.dictionary);
    add_sums(gradients.precision, part.precision);
    add_sums(gradients.bias, part.bias);
    add_sums(gradients.gain, part.log_gain);
    for (int i = 0; i < 2; ++i) log_rates[i] += part.log_rates[i];
    for (std::size_t t = 0; t < frames; ++t) {
      result.nll_by_frame[t] += part.nll[t] / static_cast<double>(problem.pictures);
      result.kl_by_frame[t] += part.kl[t] / static_cast<double>(problem.pictures);
    }
    for (std::size_t j = 0; j < part.largest.size(); ++j) {
      result.largest_log_rate[j] = std::max(result.largest_log_rate[j], part.largest[j]);
    }
  }
  gradients.dictionary = dictionary.narrow(1, 0, problem.latents).contiguous();
  gradients.rates = at::empty({problem.states()}, at::kFloat);
  for (int i = 0; i < problem.states(); ++i) {
    gradients.rates[i] = log_rates[i] / static_cast<double>(problem.rates[i]);
  }
  return gradients;
}

Variable FusedLoop::forward(AutogradContext* context, const Variable& dictionary,
                            const Variable& precision, const Variable& bias, const Variable& rates,
                            const std::optional<at::Tensor>& gain, const Variable& state,
                            const std::optional<at::Tensor>& second, const at::Tensor& x,
                            const LoopSettings* settings, LoopResult* result) {
  LoopProblem problem{};
  problem.kernels = &kernels();
  problem.settings = settings;
  problem.poisson = !second.has_value();
  problem.pictures = x.size(0);
  problem.pixels = dictionary.size(0);
  problem.latents = dictionary.size(1);
  const auto packed = with_rows_of(dictionary, problem.latent_row());
  const auto transposed = with_rows_of(dictionary.t(), problem.pixel_row());
  problem.dictionary = packed.const_data_ptr<float>();
  problem.transposed = transposed.const_data_ptr<float>();
  const auto weights = precision.contiguous(), currents = bias.contiguous();
  problem.precision = weights.const_data_ptr<float>();
  problem.bias = currents.const_data_ptr<float>();
  const auto gains = gain ? gain->contiguous() : at::Tensor();
  problem.gain = gain ? gains.const_data_ptr<float>() : nullptr;
  const auto pictures = x.contiguous();
  problem.x = pictures.const_data_ptr<float>();
  std::array<at::Tensor, 2> begin{state.contiguous(), second ? second->contiguous() : at::Tensor()};
  std::array<float*, 2> end{};
  result->state.clear();
  for (int i = 0; i < problem.states(); ++i) {
    problem.rates[i] = rates[i].item<float>();
    problem.begin[i] = begin[static_cast<std::size_t>(i)].const_data_ptr<float>();
    result->state.push_back(at::empty({problem.pictures, problem.latents}, at::kFloat));
    end[static_cast<std::size_t>(i)] = result->state.back().mutable_data_ptr<float>();
  }
  const auto found = run_chunks(problem, end, *result);
  context->save_for_backward({found.dictionary, found.precision, found.bias, found.rates,
                              gain ? found.gain / gains : at::Tensor(), found.state[0],
                              second ? found.state[1] : at::Tensor()});
  double loss = 0;
  for (std::size_t t = 0; t < result->nll_by_frame.size(); ++t) {
    loss += (result->nll_by_frame[t] + settings->beta * result->kl_by_frame[t]) /
            static_cast<double>(settings->frames);
  }
  return at::full({}, loss, at::kFloat);
}

}  // namespace

bool can_fuse(const IterativeVaeArchitecture& sizes) {
  return sizes.decoder == "lin" && sizes.latents % 32 == 0 && sizes.pixels % 16 == 0 &&
         (sizes.activation == "identity" || sizes.activation == "relu");
}

LoopResult fused_loop(const IterativeVae& model, const at::Tensor& x, const InferenceState& state,
                      const LoopSettings& settings) {
  const auto& sizes = model.architecture();
  if (!can_fuse(sizes) || !settings.shared_samples) {
    throw Error(
        "the fused loop takes linear decoders, latents in multiples of 32, pixels in "
        "multiples of 16, identity or relu, shared samples: take the eager loop");
  }
  const auto scale = model.scale();
  LoopResult result;
  std::optional<at::Tensor> gain, second;
  if (sizes.has_gain()) gain = at::exp(model.state().at("log_gain"));
  if (!sizes.poisson()) second = state[1];
  auto loss =
      FusedLoop::apply(model.state().at("decoder.weight"), scale.pow(-2), model.bias_current(),
                       model.step_sizes(), gain, state[0], second, x, &settings, &result);
  const auto normaliser = (at::log(scale) + 0.5 * std::log(2 * std::numbers::pi)).sum();
  for (auto& nll : result.nll_by_frame) nll += normaliser.item<double>();
  result.loss = loss + normaliser;
  return result;
}

}  // namespace neurosplat::ivae
