#include "neurosplat/metrics/linear_floor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

/// Numbers of a picture worked on at once: 2,040 pictures then take 64 MiB in double precision.
constexpr std::int64_t kSlice = 4096;
/// A variance below this share of the largest is rounding, not structure.
constexpr double kSmallestShare = 1e-10;
/// Nor is a spread of 1e-10 of the grey range in every number: equal pictures have no components.
constexpr double kSmallestSpread = 1e-10;

void check_pictures(const at::Tensor& pictures, std::int64_t components) {
  if (components < 1) {
    throw UsageError(text("expected at least 1 component of the linear floor, got ", components,
                          ": ask for as many as the latent has numbers"));
  }
  if (!pictures.defined() || pictures.dim() != 4 || pictures.numel() == 0 ||
      !(pictures.scalar_type() == at::kByte || pictures.is_floating_point())) {
    throw Error(
        text("expected pictures [M, C, H, W], uint8 or floating-point, to fit a linear ",
             "floor to, got ",
             pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes()) : "nothing",
             ": give at least one picture"));
  }
}

/// Numbers [begin, begin + kSlice) of every picture, float64 in [0, 1].
at::Tensor slice_of(const at::Tensor& flat, std::int64_t begin) {
  const std::int64_t length = std::min(kSlice, flat.size(1) - begin);
  const at::Tensor part = flat.narrow(1, begin, length).to(at::kDouble);
  return flat.scalar_type() == at::kByte ? part / 255.0 : part;
}

struct Moments {
  at::Tensor mean;  ///< float64 [D]
  at::Tensor gram;  ///< float64 [M, M], of the centred pictures
};

Moments moments_of(const at::Tensor& flat) {
  const at::TensorOptions options = flat.options().dtype(at::kDouble);
  Moments moments{at::empty({flat.size(1)}, options),
                  at::zeros({flat.size(0), flat.size(0)}, options)};
  for (std::int64_t begin = 0; begin < flat.size(1); begin += kSlice) {
    at::Tensor part = slice_of(flat, begin);
    const at::Tensor mean = part.mean(0);
    part = part - mean;
    moments.mean.narrow(0, begin, mean.size(0)).copy_(mean);
    moments.gram.addmm_(part, part.t());
  }
  return moments;
}

/// How many of the ascending variances stand for something, at most `wanted`. Centring has made
/// one of them zero, so this is never all of them.
std::int64_t count_components(const at::Tensor& variances, std::int64_t wanted,
                              std::int64_t numbers) {
  const double smallest =
      std::max(kSmallestShare * variances[-1].item<double>(),
               kSmallestSpread * kSmallestSpread * static_cast<double>(numbers));
  const std::int64_t found = (variances > smallest).sum().item<std::int64_t>();
  return std::min(wanted, found);
}

LinearFloor fit(const at::Tensor& flat, std::int64_t wanted) {
  const Moments moments = moments_of(flat);
  if (!at::isfinite(moments.gram).all().item<bool>()) {
    throw Error(
        "expected pictures of finite numbers to fit a linear floor to, got NaN or "
        "infinity: check the pictures");
  }
  const auto [variances, vectors] = at::linalg_eigh(moments.gram);
  const std::int64_t kept = count_components(variances, wanted, flat.numel());
  const std::int64_t first = flat.size(0) - kept;
  // [kept, M], largest variance first; each row carries pictures onto a unit vector.
  const at::Tensor weights =
      (vectors.narrow(1, first, kept) / variances.narrow(0, first, kept).sqrt()).t().flip(0);

  const auto freedom = static_cast<double>(std::max<std::int64_t>(1, flat.size(0) - 1));
  LinearFloor floor{moments.mean.to(at::kFloat),
                    at::empty({kept, flat.size(1)}, flat.options().dtype(at::kFloat)),
                    (variances.narrow(0, first, kept).flip(0) / freedom).to(at::kFloat)};
  for (std::int64_t begin = 0; begin < flat.size(1); begin += kSlice) {
    const at::Tensor part = slice_of(flat, begin);
    const at::Tensor centred = part - moments.mean.narrow(0, begin, part.size(1));
    floor.components.narrow(1, begin, part.size(1)).copy_(at::matmul(weights, centred));
  }
  return floor;
}

}  // namespace

LinearFloor fit_linear_floor(const at::Tensor& pictures, std::int64_t components) {
  const c10::NoGradGuard no_grad;
  check_pictures(pictures, components);
  try {
    return fit(pictures.flatten(1), components);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw Error(text("expected to fit a linear floor to ", pictures.size(0), " pictures of ",
                     pictures.numel() / pictures.size(0), " numbers, got: ",
                     what.substr(0, what.find('\n')), ": try fewer or smaller pictures"));
  }
}

at::Tensor project(const LinearFloor& floor, const at::Tensor& pictures) {
  const c10::NoGradGuard no_grad;
  if (!pictures.defined() || pictures.dim() != 4 || !pictures.is_floating_point() ||
      pictures.size(1) * pictures.size(2) * pictures.size(3) != floor.mean.numel() ||
      pictures.device() != floor.mean.device()) {
    throw Error(text("expected floating-point pictures [B, C, H, W] of ", floor.mean.numel(),
                     " numbers on ", floor.mean.device(), ", got ",
                     pictures.defined() ? text(pictures.scalar_type(), " ", pictures.sizes(),
                                               " on ", pictures.device())
                                        : "nothing",
                     ": use pictures of the size the linear floor was fitted to"));
  }
  const at::Tensor centred = pictures.flatten(1).to(at::kFloat) - floor.mean;
  const at::Tensor codes = at::matmul(centred, floor.components.t());
  return (at::matmul(codes, floor.components) + floor.mean)
      .clamp(0.0, 1.0)
      .reshape(pictures.sizes());
}

at::Tensor linear_samples(const LinearFloor& floor, const at::Tensor& noise) {
  const c10::NoGradGuard no_grad;
  if (!noise.defined() || noise.dim() != 2 || !noise.is_floating_point() ||
      noise.size(1) != floor.components.size(0) || noise.device() != floor.mean.device()) {
    throw Error(text("expected floating-point noise [B, ", floor.components.size(0), "] on ",
                     floor.mean.device(), ", got ",
                     noise.defined()
                         ? text(noise.scalar_type(), " ", noise.sizes(), " on ", noise.device())
                         : "nothing",
                     ": draw a number for each component"));
  }
  const at::Tensor codes = noise.to(at::kFloat) * floor.variances.sqrt();
  return at::addmm(floor.mean, codes, floor.components).clamp_(0.0, 1.0);
}

}  // namespace neurosplat
