#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "neurosplat/training/picture_parts.h"

namespace neurosplat {

/// Principal components of pictures below the 32 x 32 band of their cosine transform: what some
/// hundred numbers can say of a picture lies there. Fitted, not learned; nothing of it has a
/// gradient, and under autocast it keeps its digits.
class LinearCodeImpl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kSide = 32;

  /// T below in double precision, [32, size].
  static at::Tensor low_pass_to(std::int64_t size);

  /// Components are random and small until they are fitted or loaded.
  LinearCodeImpl(std::int64_t image_size, std::int64_t latent, std::uint64_t seed);

  /// [B, 3, S, S] to [B, 3, 32, 32]: T X T', T = sqrt(32 / S) C32' C_S[:32] with orthonormal DCT-II
  /// matrices C. Means stay means; T T' = 32 / S.
  at::Tensor low(const at::Tensor& pictures) const;
  /// [B, 3, 32, 32] to [B, latent], of unit variance over the pictures fitted to.
  at::Tensor encode(const at::Tensor& low) const;
  at::Tensor decode(const at::Tensor& latents) const;
  /// [B, 3, 32, 32] to [B, 3, S, S]: (S / 32)^2 T' X T, whose low() is X again.
  at::Tensor high(const at::Tensor& low) const;
  /// To pictures and their mirror images.
  void fit(const PictureParts& next);

 private:
  at::Tensor low_pass_;    ///< [32, S]
  at::Tensor mean_;        ///< [3072]
  at::Tensor components_;  ///< [latent, 3072], rows as long as a standard deviation
};
TORCH_MODULE(LinearCode);

}  // namespace neurosplat
