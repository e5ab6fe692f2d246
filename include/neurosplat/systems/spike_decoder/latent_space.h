#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

/// What responses are regressed on, and what draws pictures of it.
namespace neurosplat {

/// Pictures to rows of numbers and back; neither has gradients.
struct LatentSpace {
  std::string name;            ///< "pixels", "splat-vae", "hierarchical-vae" or "script"
  std::filesystem::path file;  ///< of its model; empty where there is none
  std::int64_t side;           ///< pixels of the pictures that it takes and gives
  at::Tensor group;            ///< int64 [D]: latents of one group share a penalty
  /// float32 [B, 3, side, side] in [0, 1] to float32 [B, D].
  std::function<at::Tensor(const at::Tensor& pictures)> encode;
  /// Back, in [0, 1]. None: latents that nothing here draws.
  std::function<at::Tensor(const at::Tensor& latents)> decode;
  /// Latents of the session's pictures, [P, D], in place of `encode`; undefined: none.
  at::Tensor rows = {};

  std::int64_t size() const { return group.size(0); }
};

/// Pixels themselves, averaged to `kept` a side: the floor that any model must beat. Each sixteenth
/// of the picture is a group.
LatentSpace pixel_space(std::int64_t side, std::int64_t kept);

/// "pixels"; a run folder or model file, of a splat VAE or a hierarchical VAE as it says (of the
/// latter the blocks of up to 16 x 16 places, each a group; finer ones are as its prior expects
/// them); or "script:FILE", a TorchScript network with methods `encode`, float32 [B, 3, side, side]
/// in [0, 1] to [B, D], and `decode`, back, an int attribute `side` and, where latents do not share
/// one penalty, a tensor `group`, int64 [D]; or "features:FILE", a .npy file of features of the
/// session's pictures in a published layout (recordings/feature_layouts.h), which are told apart
/// but not drawn; the 31 levels of VD-VAE latents have a penalty each. `side` is that of pixels.
/// Throws Error, one line.
LatentSpace open_latent_space(const std::string& name, std::int64_t side);

/// Latents of pictures uint8 or float [P, 3, S, S], which are resized to its side: float32 [P, D].
/// Throws Error where the space has rows of another number of pictures.
at::Tensor latents_of(const LatentSpace& space, const at::Tensor& pictures);

/// Pictures of latents [P, D], resized to `side`: float32 [P, 3, side, side] in [0, 1].
at::Tensor pictures_of(const LatentSpace& space, const at::Tensor& latents, std::int64_t side);

/// Pictures float [P, 3, S, S] at another size, smoothed where they shrink.
at::Tensor resized(const at::Tensor& pictures, std::int64_t side);

}  // namespace neurosplat
