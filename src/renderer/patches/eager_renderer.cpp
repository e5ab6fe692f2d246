#include "renderer/patches/eager_renderer.h"

#include <ATen/ATen.h>

namespace neurosplat::patches::eager {
namespace {

/// What lies around the grid: no weight, no width, no colour.
at::Tensor padding(const at::Tensor& splats) {
  auto one = at::zeros({kNumbers}, splats.options());
  one.slice(0, kOffsetX, kOffsetY + 1).fill_(0.5);
  one[kWeight].fill_(-1e6);
  return one;
}

/// The grid with one cell more on each side.
at::Tensor with_border(const at::Tensor& splats) {
  const auto border = padding(splats).view({1, 1, 1, 1, kNumbers});
  const auto rows = border.expand({splats.size(0), 1, splats.size(2), splats.size(3), -1});
  const auto tall = at::cat({rows, splats, rows}, 1);
  const auto columns = border.expand({splats.size(0), tall.size(1), 1, splats.size(3), -1});
  return at::cat({columns, tall, columns}, 2);
}

/// One number of every splat, [B, S, rows, 1, columns, 1].
at::Tensor number(const at::Tensor& splats, int index) {
  return splats.select(4, index).permute({0, 3, 1, 2}).unsqueeze(3).unsqueeze(5);
}

struct Blend {
  at::Tensor colour, weight;  // [B, 3, H, W], [B, 1, H, W]
};

struct Factors {
  at::Tensor kernel, depth;
};

Factors factors(const at::Tensor& distance, Kernel kernel) {
  if (!is_sharp(kernel)) {
    const auto fall = (-distance).exp();
    const auto value = kernel == Kernel::kCosine ? fall * (6 * distance).cos() : fall;
    return {value, (-2 * distance).exp()};
  }
  const auto held = (2 * distance).clamp_max(2);
  const auto x = kernel == Kernel::kSharp ? held : 2 * distance;
  const auto growth = kernel == Kernel::kSharp ? x.exp() : (-x).exp();
  const auto value = 1 - x.clamp_max(1).pow(16) - 4 * growth * (x.clamp_min(1) - 1).sin();
  return {value, at::maximum(1 - held.clamp_max(1).pow(4), (-4 * held).exp())};
}

/// Sums over the splats of the cells that lie (right, down) tiles away.
Blend blend(const at::Tensor& splats, const Form& form, int right, int down) {
  const auto tile = form.tile;
  const auto at = (at::arange(tile, splats.options()) + 0.5) / static_cast<double>(tile);
  const auto dx = at.view({tile}) - (number(splats, kOffsetX) + right);
  const auto dy = at.view({tile, 1, 1}) - (number(splats, kOffsetY) + down);
  const auto x = dx * number(splats, kScaleX), y = dy * number(splats, kScaleY);
  const auto distance = x * x + y * y + 2 * number(splats, kCorrelation) * (x * y);
  const auto [kernel, depth] = factors(distance, form.kernel);
  const auto weight = (depth * (number(splats, kWeight) - kMiddleWeight).exp()).square();
  const auto colours =
      at::stack({number(splats, kRed), number(splats, kGreen), number(splats, kBlue)}, 2);
  return {((weight * kernel).unsqueeze(2) * colours).sum(1), weight.sum(1).unsqueeze(1)};
}

}  // namespace

at::Tensor draw(const at::Tensor& splats, const Form& form) {
  const auto rows = splats.size(1), columns = splats.size(2);
  Blend sum;
  if (form.sharing == Sharing::kOwn) {
    sum = blend(splats, form, 0, 0);
  } else {
    const auto bordered = with_border(splats);
    for (int down = -1; down <= 1; ++down) {
      for (int right = -1; right <= 1; ++right) {
        const auto cells = bordered.narrow(1, 1 + down, rows).narrow(2, 1 + right, columns);
        const auto part = blend(cells, form, right, down);
        sum =
            sum.weight.defined() ? Blend{sum.colour + part.colour, sum.weight + part.weight} : part;
      }
    }
  }
  const auto picture = 2 * sum.colour / (sum.weight + 1e-6) - 1;
  return picture.reshape({splats.size(0), 3, rows * form.tile, columns * form.tile});
}

}  // namespace neurosplat::patches::eager
