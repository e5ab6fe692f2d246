#include "renderer/packets/cuda/cuda_renderer.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/renderer/packets/packet.h"
#include "renderer/packets/cuda/cuda_kernels.h"

namespace neurosplat::packet::cuda {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Shape shape_of(const at::Tensor& packets, std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 64;
  if (packets.size(1) > kMost || packets.size(2) > kMost) {
    throw UsageError(
        text("packets: expected at most ", kMost, " packets and numbers, got ", packets.sizes()));
  }
  const Shape shape{packets.size(0), static_cast<int>(packets.size(1)),
                    static_cast<int>((packets.size(2) - packet::kCoefficients) / 2),
                    static_cast<int>(height), static_cast<int>(width)};
  check_size(shape);
  return shape;
}

/// `count` floats that nothing has written.
at::Tensor working_memory(std::int64_t count, const at::Tensor& like) {
  return at::empty({count}, like.options());
}

const float* read(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

float* write(at::Tensor& tensor) {
  return tensor.mutable_data_ptr<float>();
}

/// `prepared` [batch, kPreparedNumbers, N] of the packets; all contiguous.
at::Tensor gradient_of_prepared(const at::Tensor& packets, const at::Tensor& prepared,
                                const at::Tensor& field_gradient) {
  const c10::cuda::CUDAGuard guard(packets.device());
  const Shape shape = shape_of(packets, field_gradient.size(2), field_gradient.size(3));
  auto workspace = working_memory(gradient_workspace(shape), packets);
  auto result = at::empty_like(packets);
  gradient(shape, read(packets), read(prepared), read(field_gradient), write(workspace),
           write(result), c10::cuda::getCurrentCUDAStream().stream());
  return result;
}

class Field : public torch::autograd::Function<Field> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, std::int64_t height,
                            std::int64_t width) {
    const at::NoGradGuard no_gradient;
    const c10::cuda::CUDAGuard guard(given.device());
    const Stream stream = c10::cuda::getCurrentCUDAStream().stream();
    const auto packets = given.contiguous();
    const Shape shape = shape_of(packets, height, width);
    auto prepared = at::empty({shape.batch, kPreparedNumbers, shape.packets}, packets.options());
    auto workspace = working_memory(draw_workspace(shape), packets);
    auto field = at::empty({shape.batch, shape.channels, height, width}, packets.options());
    prepare(shape, read(packets), write(prepared), stream);
    draw(shape, read(packets), read(prepared), write(workspace), write(field), stream);
    context->save_for_backward({packets, prepared});
    return field;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::NoGradGuard no_gradient;
    const auto saved = context->get_saved_variables();
    return {gradient_of_prepared(saved[0], saved[1], gradients[0].contiguous()), {}, {}};
  }
};

class Activation : public torch::autograd::Function<Activation> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given) {
    const at::NoGradGuard no_gradient;
    const c10::cuda::CUDAGuard guard(given.device());
    const auto raw = given.contiguous();
    auto active = at::empty_like(raw);
    activate(shape_of(raw, 2, 2), read(raw), write(active),
             c10::cuda::getCurrentCUDAStream().stream());
    context->save_for_backward({raw});
    return active;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {activation_gradient(context->get_saved_variables()[0], gradients[0])};
  }
};

}  // namespace

at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width) {
  return Field::apply(packets, height, width);
}

at::Tensor activate_packets(const at::Tensor& raw) {
  return raw.size(0) == 0 ? at::empty_like(raw) : Activation::apply(raw);
}

at::Tensor field_gradient(const at::Tensor& given, const at::Tensor& gradient) {
  const at::NoGradGuard no_gradient;
  const c10::cuda::CUDAGuard guard(given.device());
  const auto packets = given.contiguous();
  const Shape shape = shape_of(packets, gradient.size(2), gradient.size(3));
  auto prepared = at::empty({shape.batch, kPreparedNumbers, shape.packets}, packets.options());
  prepare(shape, read(packets), write(prepared), c10::cuda::getCurrentCUDAStream().stream());
  return gradient_of_prepared(packets, prepared, gradient.contiguous());
}

at::Tensor activation_gradient(const at::Tensor& given, const at::Tensor& gradient) {
  const at::NoGradGuard no_gradient;
  const c10::cuda::CUDAGuard guard(given.device());
  const auto raw = given.contiguous();
  const auto active_gradient = gradient.contiguous();
  auto raw_gradient = at::empty_like(raw);
  activate_backward(shape_of(raw, 2, 2), read(raw), read(active_gradient), write(raw_gradient),
                    c10::cuda::getCurrentCUDAStream().stream());
  return raw_gradient;
}

}  // namespace neurosplat::packet::cuda
