#include "renderer/patches/fused/fused_renderer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/simd/aligned_floats.h"
#include "renderer/patches/checks.h"
#include "renderer/patches/fused/patch_kernels.h"

namespace neurosplat::patches::fused {
namespace {

template <class Work>
void in_parallel(std::int64_t count, const Work& work) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) work(i);
  });
}

Scratch scratch_of_this_thread(std::int64_t splats) {
  thread_local simd::AlignedFloats floats;
  thread_local std::vector<std::int32_t> index;
  const auto indices = static_cast<std::size_t>(scratch_indices(splats));
  if (index.size() < indices) index.resize(indices);
  return {simd::take(floats, static_cast<std::size_t>(scratch_floats(splats))), index.data()};
}

/// A batch by its sizes and its packed splats.
struct Batch {
  std::int64_t pictures;
  Picture shape;      // of each; `packed` is the first one's
  at::Tensor packed;  // [B, rows, columns, packed_cell(splats)]

  Picture picture(std::int64_t i) const {
    Picture one = shape;
    one.packed += i * shape.rows * shape.columns * packed_cell(shape.splats);
    return one;
  }
  std::int64_t pixels() const { return shape.rows * shape.columns * shape.tile * shape.tile; }
};

Batch pack(const at::Tensor& splats, const Form& form) {
  const auto rows = splats.size(1), columns = splats.size(2), count = splats.size(3);
  const std::int64_t cell = count * kNumbers, packed_numbers = packed_cell(count);
  auto packed = at::empty({splats.size(0), rows, columns, packed_numbers}, splats.options());
  const float* from = splats.const_data_ptr<float>();
  float* to = packed.mutable_data_ptr<float>();
  in_parallel(splats.size(0) * rows * columns, [&](std::int64_t i) {
    const auto bad = kernels().pack(from + i * cell, count, static_cast<float>(kLargestNumber),
                                    to + i * packed_numbers);
    if (bad >= 0) refuse(splats, i * cell + bad);
  });
  const Picture shape{rows,        columns, count, form.tile, form.sharing == Sharing::kNeighbours,
                      form.kernel, to};
  return {splats.size(0), shape, packed};
}

/// Draws into pictures [B, 3, H, W]; weights [B, H, W] may be undefined.
void draw_batch(const Batch& batch, at::Tensor& pictures, at::Tensor& weights) {
  const std::int64_t side = blocks_a_side(batch.shape.tile), parts = batch.shape.rows * side;
  float* pixels = pictures.mutable_data_ptr<float>();
  float* sums = weights.defined() ? weights.mutable_data_ptr<float>() : nullptr;
  in_parallel(batch.pictures * parts, [&](std::int64_t i) {
    const std::int64_t picture = i / parts, row = i % parts / side, block = i % side;
    kernels().draw(batch.picture(picture), {row, block, block + 1},
                   pixels + picture * 3 * batch.pixels(),
                   sums != nullptr ? sums + picture * batch.pixels() : nullptr,
                   scratch_of_this_thread(batch.shape.splats));
  });
}

at::Tensor empty_pictures(const Batch& batch, const at::Tensor& like) {
  const auto& shape = batch.shape;
  return at::empty({batch.pictures, 3, shape.rows * shape.tile, shape.columns * shape.tile},
                   like.options());
}

/// Sums over pixels, as each tile row leaves them: [B, rows, bands, columns, splats, kSumLine].
at::Tensor sum_pixels(const Batch& batch, const at::Tensor& pictures, const at::Tensor& weights,
                      const at::Tensor& picture_gradient) {
  const auto& shape = batch.shape;
  const std::int64_t of_row = bands(shape) * shape.columns * shape.splats * kSumLine;
  auto sums = at::empty({batch.pictures, shape.rows, of_row}, pictures.options());
  float* to = sums.mutable_data_ptr<float>();
  const float* pixels = pictures.const_data_ptr<float>();
  const float* of_pixels = weights.const_data_ptr<float>();
  const float* given = picture_gradient.const_data_ptr<float>();
  in_parallel(batch.pictures * shape.rows, [&](std::int64_t i) {
    const std::int64_t picture = i / shape.rows, pixel = picture * batch.pixels();
    std::fill_n(to + i * of_row, of_row, 0.0f);
    kernels().gradient(batch.picture(picture), {i % shape.rows, 0, blocks_a_side(shape.tile)},
                       pixels + 3 * pixel, of_pixels + pixel, given + 3 * pixel, to + i * of_row,
                       scratch_of_this_thread(shape.splats));
  });
  return sums;
}

/// One cell's sums over the tile rows that see it, in their order, to its splats' gradient.
void finish_cell(const Picture& shape, const float* sums, std::int64_t row, std::int64_t column,
                 const float* splats, float* gradient) {
  const std::int64_t of_cell = shape.splats * kSumLine;
  const std::int64_t count = bands(shape), of_band = shape.columns * of_cell;
  const float* parts[3];
  int found = 0;
  for (std::int64_t band = count - 1; band >= 0; --band) {
    const std::int64_t tile_row = row + count / 2 - band;
    if (tile_row < 0 || tile_row >= shape.rows) continue;
    parts[found++] = sums + (tile_row * count + band) * of_band + column * of_cell;
  }
  for (std::int64_t s = 0; s < shape.splats; ++s) {
    float own[kSums];
    for (int k = 0; k < kSums; ++k) {
      own[k] = parts[0][s * kSumLine + k];
      for (int i = 1; i < found; ++i) own[k] += parts[i][s * kSumLine + k];
    }
    gradient_of_sums(splats + s * kNumbers, own, gradient + s * kNumbers);
  }
}

at::Tensor finish(const Batch& batch, const at::Tensor& splats, const at::Tensor& sums) {
  const auto& shape = batch.shape;
  const std::int64_t cells = shape.rows * shape.columns, numbers = shape.splats * kNumbers;
  auto gradient = at::empty_like(splats);
  const float* from = sums.const_data_ptr<float>();
  const float* given = splats.const_data_ptr<float>();
  float* to = gradient.mutable_data_ptr<float>();
  in_parallel(batch.pictures * cells, [&](std::int64_t i) {
    const std::int64_t cell = i % cells;
    finish_cell(shape, from + i / cells * (sums.numel() / batch.pictures), cell / shape.columns,
                cell % shape.columns, given + i * numbers, to + i * numbers);
  });
  return gradient;
}

class Drawing : public torch::autograd::Function<Drawing> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& given,
                            std::int64_t kernel, bool neighbours, std::int64_t tile) {
    const at::NoGradGuard no_gradient;
    const auto splats = given.contiguous();
    const Batch batch = pack(splats, form_of(kernel, neighbours, tile));
    auto pictures = empty_pictures(batch, splats);
    auto weights = at::empty({batch.pictures, batch.pixels()}, splats.options());
    draw_batch(batch, pictures, weights);
    context->save_for_backward({splats, pictures, weights});
    context->saved_data["kernel"] = kernel;
    context->saved_data["neighbours"] = neighbours;
    context->saved_data["tile"] = tile;
    return pictures;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::NoGradGuard no_gradient;
    auto& data = context->saved_data;
    const auto saved = context->get_saved_variables();
    const Batch batch = pack(saved[0], form_of(data["kernel"].toInt(), data["neighbours"].toBool(),
                                               data["tile"].toInt()));
    const auto sums = sum_pixels(batch, saved[1], saved[2], gradients[0].contiguous());
    return {finish(batch, saved[0], sums), {}, {}, {}};
  }

 private:
  static Form form_of(std::int64_t kernel, bool neighbours, std::int64_t tile) {
    return {static_cast<Kernel>(kernel), neighbours ? Sharing::kNeighbours : Sharing::kOwn, tile};
  }
};

}  // namespace

at::Tensor draw(const at::Tensor& splats, const Form& form) {
  if (splats.requires_grad() && at::GradMode::is_enabled()) {
    return Drawing::apply(splats, static_cast<std::int64_t>(form.kernel),
                          form.sharing == Sharing::kNeighbours, form.tile);
  }
  const Batch batch = pack(splats.contiguous(), form);
  auto pictures = empty_pictures(batch, splats);
  at::Tensor no_sums;
  draw_batch(batch, pictures, no_sums);
  return pictures;
}

}  // namespace neurosplat::patches::fused
