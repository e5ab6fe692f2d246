#include "renderer/matrix/matrix_renderer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "renderer/matrix/matrix_kernels.h"

namespace neurosplat::matrix {
namespace {

/// Pictures worked on together: enough to keep every thread's product busy, few enough that the
/// factors stay in the cache.
constexpr std::int64_t kSlice = 4;

/// Reused from call to call, so that a steady loop allocates nothing. One set a thread.
struct Workspace {
  at::Tensor left, columns, rows, left_gradient, columns_gradient;
};

Workspace& workspace() {
  thread_local Workspace instance;
  return instance;
}

/// The first `sizes` numbers of `buffer`, which grows when it is too small.
at::Tensor take(at::Tensor& buffer, at::IntArrayRef sizes) {
  const std::int64_t count = c10::multiply_integers(sizes);
  if (!buffer.defined() || buffer.numel() < count) buffer = at::empty({count}, at::kFloat);
  return buffer.narrow(0, 0, count).view(sizes);
}

/// The factors of a slice of pictures.
struct Factors {
  at::Tensor left, columns, rows;
};

/// Calls work(picture, first packet, last packet) for every block of every picture, in parallel.
template <class Work>
void for_blocks(std::int64_t pictures, std::int64_t packets, const Work& work) {
  const std::int64_t blocks = (packets + kBlock - 1) / kBlock;
  at::parallel_for(0, pictures * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * kBlock;
      work(i / blocks, first, std::min(first + kBlock, packets));
    }
  });
}

Factors write_factors(const Shape& shape, const float* packets, std::int64_t pictures) {
  Workspace& space = workspace();
  const std::int64_t line = 2 * shape.packets, numbers = 5 + 2 * shape.channels;
  const std::int64_t left_rows = shape.channels * shape.height;
  Factors factors{take(space.left, {pictures, left_rows, line}),
                  take(space.columns, {pictures, shape.width, line}),
                  take(space.rows, {pictures, shape.height, line})};
  float* left = factors.left.mutable_data_ptr<float>();
  float* columns = factors.columns.mutable_data_ptr<float>();
  float* rows = factors.rows.mutable_data_ptr<float>();
  for_blocks(pictures, shape.packets,
             [&](std::int64_t picture, std::int64_t first, std::int64_t last) {
               kernels().write_factors(shape, packets + picture * shape.packets * numbers, first,
                                       last, left + picture * left_rows * line,
                                       columns + picture * shape.width * line,
                                       rows + picture * shape.height * line);
             });
  return factors;
}

at::Tensor forward(const at::Tensor& packets, const Shape& shape) {
  const std::int64_t batch = packets.size(0);
  const std::int64_t numbers = packets.size(1) * packets.size(2);
  auto field = at::empty({batch, shape.channels, shape.height, shape.width}, packets.options());
  auto flat = field.view({batch, shape.channels * shape.height, shape.width});
  for (std::int64_t first = 0; first < batch; first += kSlice) {
    const std::int64_t pictures = std::min(kSlice, batch - first);
    const Factors factors =
        write_factors(shape, packets.const_data_ptr<float>() + first * numbers, pictures);
    auto out = flat.narrow(0, first, pictures);
    at::bmm_out(out, factors.left, factors.columns.transpose(1, 2));
  }
  return field;
}

at::Tensor backward(const at::Tensor& packets, const at::Tensor& field_gradient,
                    const Shape& shape) {
  const std::int64_t batch = packets.size(0), line = 2 * shape.packets;
  const std::int64_t numbers = packets.size(1) * packets.size(2);
  const std::int64_t left_rows = shape.channels * shape.height;
  auto gradient = at::empty_like(packets);
  const auto flat = field_gradient.contiguous().view({batch, left_rows, shape.width});
  Workspace& space = workspace();
  for (std::int64_t first = 0; first < batch; first += kSlice) {
    const std::int64_t pictures = std::min(kSlice, batch - first);
    const float* own = packets.const_data_ptr<float>() + first * numbers;
    const Factors factors = write_factors(shape, own, pictures);
    auto left_gradient = take(space.left_gradient, {pictures, left_rows, line});
    auto columns_gradient = take(space.columns_gradient, {pictures, shape.width, line});
    const auto slice = flat.narrow(0, first, pictures);
    at::bmm_out(left_gradient, slice, factors.columns);
    at::bmm_out(columns_gradient, slice.transpose(1, 2), factors.left);
    const float* columns = factors.columns.const_data_ptr<float>();
    const float* rows = factors.rows.const_data_ptr<float>();
    const float* from_left = left_gradient.const_data_ptr<float>();
    const float* from_columns = columns_gradient.const_data_ptr<float>();
    float* out = gradient.mutable_data_ptr<float>() + first * numbers;
    for_blocks(
        pictures, shape.packets, [&](std::int64_t picture, std::int64_t begin, std::int64_t end) {
          kernels().gather_gradient(
              shape, own + picture * numbers, begin, end, columns + picture * shape.width * line,
              rows + picture * shape.height * line, from_left + picture * left_rows * line,
              from_columns + picture * shape.width * line, out + picture * numbers);
        });
  }
  return gradient;
}

class Field : public torch::autograd::Function<Field> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& packets,
                            std::int64_t height, std::int64_t width) {
    const at::NoGradGuard no_gradient;
    const auto contiguous = packets.contiguous();
    context->save_for_backward({contiguous});
    context->saved_data["height"] = height;
    context->saved_data["width"] = width;
    return matrix::forward(contiguous, shape_of(contiguous, height, width));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::NoGradGuard no_gradient;
    const auto packets = context->get_saved_variables()[0];
    const Shape shape = shape_of(packets, context->saved_data["height"].toInt(),
                                 context->saved_data["width"].toInt());
    return {matrix::backward(packets, gradients[0], shape), {}, {}};
  }

 private:
  static Shape shape_of(const at::Tensor& packets, std::int64_t height, std::int64_t width) {
    return {packets.size(1), (packets.size(2) - 5) / 2, height, width};
  }
};

}  // namespace

at::Tensor field(const at::Tensor& packets, std::int64_t height, std::int64_t width) {
  return Field::apply(packets, height, width);
}

}  // namespace neurosplat::matrix
