#include "neurosplat/training/linear_code.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>
#include <numbers>

namespace neurosplat {
namespace {

constexpr std::int64_t kNumbers = 3 * LinearCodeImpl::kSide * LinearCodeImpl::kSide;
/// A component's variance is at least this share of the largest: pictures fewer than latent
/// numbers have no more, and the encoder divides by it.
constexpr double kSmallestShare = 1e-6;

using FullPrecision = c10::impl::ExcludeDispatchKeyGuard;
const auto kAutocast = c10::autocast_dispatch_keyset;

/// The first `rows` rows of the orthonormal DCT-II of `size` numbers.
at::Tensor cosine_transform(std::int64_t rows, std::int64_t size) {
  const auto order = at::arange(rows, at::kDouble).unsqueeze(1);
  const auto place = at::arange(size, at::kDouble) + 0.5;
  auto transform = at::cos(order * place * (std::numbers::pi / static_cast<double>(size))) *
                   std::sqrt(2.0 / static_cast<double>(size));
  transform[0] /= std::numbers::sqrt2;
  return transform;
}

}  // namespace

at::Tensor LinearCodeImpl::low_pass_to(std::int64_t size) {
  const auto scale = std::sqrt(static_cast<double>(kSide) / static_cast<double>(size));
  return scale * at::matmul(cosine_transform(kSide, kSide).t(), cosine_transform(kSide, size));
}

LinearCodeImpl::LinearCodeImpl(std::int64_t image_size, std::int64_t latent, std::uint64_t seed)
    : low_pass_(register_buffer("low_pass", low_pass_to(image_size).to(at::kFloat))),
      mean_(register_buffer("mean", at::full({kNumbers}, 0.5))),
      components_(register_buffer(
          "components",
          0.01 * at::randn({latent, kNumbers}, at::detail::createCPUGenerator(seed), at::kFloat))) {
}

at::Tensor LinearCodeImpl::low(const at::Tensor& pictures) const {
  const FullPrecision full(kAutocast);
  return at::matmul(at::matmul(low_pass_, pictures), low_pass_.t());
}

at::Tensor LinearCodeImpl::encode(const at::Tensor& low) const {
  const FullPrecision full(kAutocast);
  const auto variances = components_.square().sum(1);
  return at::matmul(low.flatten(1) - mean_, components_.t()) / variances;
}

at::Tensor LinearCodeImpl::decode(const at::Tensor& latents) const {
  const FullPrecision full(kAutocast);
  return at::addmm(mean_, latents.to(at::kFloat), components_).view({-1, 3, kSide, kSide});
}

at::Tensor LinearCodeImpl::high(const at::Tensor& low) const {
  const FullPrecision full(kAutocast);
  const double scale = static_cast<double>(low_pass_.size(1)) / kSide;
  return scale * scale * at::matmul(at::matmul(low_pass_.t(), low), low_pass_);
}

void LinearCodeImpl::fit(const PictureParts& next) {
  auto sum = at::zeros({kNumbers}, at::kDouble);
  auto moments = at::zeros({kNumbers, kNumbers});
  std::int64_t count = 0;
  const auto before = mean_.to(at::kCPU).clone();
  while (const auto some = next()) {
    const auto plain = low(some->to(low_pass_.device()).to(at::kFloat).div_(255)).to(at::kCPU);
    for (const auto& version : {plain, plain.flip(3)}) {
      const auto centred = version.flatten(1) - before;
      sum += centred.sum(0, false, at::kDouble);
      moments.addmm_(centred.t(), centred);
      count += centred.size(0);
    }
  }
  const auto shift = sum / static_cast<double>(count);
  const auto covariance =
      moments.to(at::kDouble) / static_cast<double>(count) - at::outer(shift, shift);
  const auto [variances, vectors] = at::linalg_eigh(covariance.to(at::kFloat));
  const auto latent = components_.size(0);
  const auto largest = variances[-1].item<double>();
  const auto kept =
      variances.slice(0, kNumbers - latent).flip(0).clamp_min(kSmallestShare * largest);
  const auto rows = vectors.slice(1, kNumbers - latent).flip(1).t();
  components_.copy_(rows * kept.sqrt().unsqueeze(1));
  mean_.copy_(before + shift.to(at::kFloat));
}

}  // namespace neurosplat
