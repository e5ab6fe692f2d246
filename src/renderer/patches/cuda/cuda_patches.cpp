#include "renderer/patches/cuda/cuda_patches.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/autograd/custom_function.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "renderer/patches/cuda/cuda_patch_kernels.h"

namespace neurosplat::patches::cuda {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Shape shape_of(const at::Tensor& splats, std::int64_t kernel, bool neighbours, std::int64_t tile) {
  const Shape shape{splats.size(0),
                    static_cast<int>(splats.size(1)),
                    static_cast<int>(splats.size(2)),
                    static_cast<int>(splats.size(3)),
                    static_cast<int>(tile),
                    neighbours,
                    static_cast<Kernel>(kernel)};
  check_size(shape);
  return shape;
}

class Drawing : public torch::autograd::Function<Drawing> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, std::int64_t kernel,
                            bool neighbours, std::int64_t tile) {
    const at::NoGradGuard no_gradient;
    const c10::cuda::CUDAGuard guard(given.device());
    const auto splats = given.contiguous();
    const Shape shape = shape_of(splats, kernel, neighbours, tile);
    const std::int64_t height = shape.rows * tile, width = shape.columns * tile;
    auto pictures = at::empty({shape.batch, 3, height, width}, splats.options());
    auto weights = at::empty({2, shape.batch, height, width}, splats.options());
    draw(shape, splats.const_data_ptr<float>(), pictures.mutable_data_ptr<float>(),
         weights.mutable_data_ptr<float>(), c10::cuda::getCurrentCUDAStream().stream());
    context->save_for_backward({splats, pictures, weights});
    context->saved_data["kernel"] = kernel;
    context->saved_data["neighbours"] = neighbours;
    context->saved_data["tile"] = tile;
    return pictures;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::NoGradGuard no_gradient;
    auto& data = context->saved_data;
    const auto saved = context->get_saved_variables();
    const c10::cuda::CUDAGuard guard(saved[0].device());
    const Shape shape = shape_of(saved[0], data["kernel"].toInt(), data["neighbours"].toBool(),
                                 data["tile"].toInt());
    const auto picture_gradient = gradients[0].contiguous();
    auto result = at::empty_like(saved[0]);
    gradient(shape, saved[0].const_data_ptr<float>(), saved[1].const_data_ptr<float>(),
             saved[2].const_data_ptr<float>(), picture_gradient.const_data_ptr<float>(),
             result.mutable_data_ptr<float>(), c10::cuda::getCurrentCUDAStream().stream());
    return {result, {}, {}, {}};
  }
};

}  // namespace

at::Tensor draw(const at::Tensor& splats, const Form& form) {
  return Drawing::apply(splats, static_cast<std::int64_t>(form.kernel),
                        form.sharing == Sharing::kNeighbours, form.tile);
}

}  // namespace neurosplat::patches::cuda
