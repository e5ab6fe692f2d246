#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/anchors.h"
#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer/cuda_functions.h"

namespace neurosplat {

template <>
struct packet::Arithmetic<at::Tensor> {
  using Constant = double;
  static at::Tensor logistic(const at::Tensor& value) { return at::sigmoid(value); }
  static at::Tensor tanh(const at::Tensor& value) { return at::tanh(value); }
};

namespace {

/// Packets a thread takes at least.
constexpr std::int64_t kGrain = 256;

/// Anchor logits [N, 2] in double, x then y.
at::Tensor anchor_logits(std::int64_t packets) {
  auto logits = at::empty({packets, 2}, at::kDouble);
  auto rows = logits.accessor<double, 2>();
  for (std::int64_t n = 0; n < packets; ++n) {
    const auto anchor = packet::anchor_logit(n, packets);
    rows[n][0] = anchor.x;
    rows[n][1] = anchor.y;
  }
  return logits;
}

/// Calls work(raw offset, anchor x, anchor y) for every packet, in parallel.
template <class Real, class Work>
void for_packets(const at::Tensor& raw, const Work& work) {
  const auto logits = anchor_logits(raw.size(1)).to(raw.scalar_type());
  const Real* anchor = logits.const_data_ptr<Real>();
  const std::int64_t packets = raw.size(1), numbers = raw.size(2);
  at::parallel_for(0, raw.size(0) * packets, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t n = i % packets;
      work(i * numbers, anchor[2 * n], anchor[2 * n + 1]);
    }
  });
}

int channels_of(const at::Tensor& packets) {
  return static_cast<int>((packets.size(2) - packet::kCoefficients) / 2);
}

class Activation : public torch::autograd::Function<Activation> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given) {
    const at::NoGradGuard no_gradient;
    const auto raw = given.contiguous();
    context->save_for_backward({raw});
    auto active = at::empty_like(raw);
    AT_DISPATCH_FLOATING_TYPES(raw.scalar_type(), "activate_packets", [&] {
      const scalar_t* in = raw.const_data_ptr<scalar_t>();
      scalar_t* out = active.mutable_data_ptr<scalar_t>();
      for_packets<scalar_t>(raw, [&](std::int64_t at, scalar_t x, scalar_t y) {
        packet::activate(in + at, x, y, channels_of(raw), out + at);
      });
    });
    return active;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::NoGradGuard no_gradient;
    const auto raw = context->get_saved_variables()[0];
    const auto active_gradient = gradients[0].contiguous();
    auto raw_gradient = at::empty_like(raw);
    AT_DISPATCH_FLOATING_TYPES(raw.scalar_type(), "activate_packets_backward", [&] {
      const scalar_t* in = raw.const_data_ptr<scalar_t>();
      const scalar_t* from = active_gradient.const_data_ptr<scalar_t>();
      scalar_t* out = raw_gradient.mutable_data_ptr<scalar_t>();
      for_packets<scalar_t>(raw, [&](std::int64_t at, scalar_t x, scalar_t y) {
        packet::activate_backward(in + at, x, y, channels_of(raw), from + at, out + at);
      });
    });
    return {raw_gradient};
  }
};

/// The formulas on whole tensors, for devices that have no loop of ours; differentiable through
/// its operators.
at::Tensor activate_with_operators(const at::Tensor& raw) {
  const auto anchors = anchor_logits(raw.size(1)).to(raw.options());
  const auto numbers = raw.unbind(2);
  std::vector<at::Tensor> active(numbers.size());
  packet::activate(numbers.data(), anchors.select(1, 0), anchors.select(1, 1), channels_of(raw),
                   active.data());
  return at::stack(active, 2);
}

}  // namespace

at::Tensor activate_packets(const at::Tensor& raw) {
  if (raw.dim() != 3 || raw.size(1) < 1 || raw.size(2) < 7 || raw.size(2) % 2 == 0) {
    throw UsageError(text("packets: expected [B, N >= 1, 5 + 2 * channels], got ", raw.sizes()));
  }
  if (cuda::serves(raw)) return cuda::functions().activate_packets(raw);
  if (!raw.is_cpu()) return activate_with_operators(raw);
  return Activation::apply(raw);
}

}  // namespace neurosplat
