#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurosplat/renderer/patches/patches.h"
#include "neurosplat/systems/patch_flow/conditions.h"

namespace neurosplat {

/// What fixes the network of a patch flow and what its numbers mean (docs/patch-flow.md,
/// "Networks").
struct PatchFlowArchitecture {
  std::string network = "modulated";  ///< author: the published one; modulated: ours
  std::int64_t image_size = 64;       ///< pixels a side, a multiple of `patch`
  std::int64_t patch = 8;             ///< pixels a side of a token
  std::int64_t width = 192;           ///< channels of a token
  std::int64_t depth = 6;             ///< blocks
  std::int64_t heads = 3;             ///< of the attention; each has width / heads channels
  std::int64_t hidden = 512;          ///< of the modulated network's SwiGLU
  std::string head = "splats";        ///< splats, or pixels: the same network without a renderer
  std::int64_t splats = 16;           ///< a patch; a square number
  patches::Kernel kernel = patches::Kernel::kSharp;
  patches::Sharing sharing = patches::Sharing::kNeighbours;
  double depth_gain = 1;    ///< see patches::Activation
  double colour_limit = 1;  ///< likewise
  /// Conditions of the modulated network: names of picture_descriptor_names(), or none.
  std::string vision = "none", semantic = "none";

  bool operator==(const PatchFlowArchitecture&) const = default;

  std::int64_t grid() const { return image_size / patch; }  ///< tokens a side
  std::int64_t numbers() const;                             ///< that the head gives a token
  std::int64_t vision_size() const;                         ///< numbers of the condition; none: 0
  std::int64_t semantic_size() const;                       ///< likewise
};

/// "none" and picture_descriptor_names().
std::vector<std::string> condition_names();

/// Throws UsageError unless it can be built.
void check(const PatchFlowArchitecture& architecture);

/// The presets: `author` (25,846,752 parameters at 64 pixels), `improved` and `small`, with the
/// head asked for. Throws UsageError for another name.
PatchFlowArchitecture patch_flow_preset(const std::string& name, const std::string& head);
std::vector<std::string> patch_flow_presets();

class PatchFlowNetwork;

/// From a noisy picture and its time to the clean picture, as splats: a transformer over patches.
/// Copies share their weights.
class PatchFlow {
 public:
  /// Weights are drawn from the CPU generator seeded with `seed`.
  explicit PatchFlow(const PatchFlowArchitecture& architecture, std::uint64_t seed = 0);

  const PatchFlowArchitecture& architecture() const { return architecture_; }

  /// Noisy pictures [B, 3, S, S], float32 about [-1, 1], and their times [B] in [0, 1] (0: noise,
  /// 1: clean) to what the head gives: [B, S/P, S/P, numbers]. Throws UsageError for other shapes
  /// and for conditions that the model does not take.
  at::Tensor predict(const at::Tensor& noisy, const at::Tensor& times,
                     const Conditions& conditions = {}) const;
  /// What predict() gave as splats, activated: float32 [B, S/P, S/P, splats, 9]. Throws UsageError
  /// for a model that gives pixels.
  at::Tensor splats(const at::Tensor& predicted) const;
  /// What predict() gave, drawn with `tile` pixels a patch (0: as many as `patch`), always in
  /// float32: [B, 3, S tile/P, S tile/P], about [-1, 1]. Throws UsageError for pixels of another
  /// size, which cannot be drawn.
  at::Tensor draw(const at::Tensor& predicted, std::int64_t tile = 0) const;
  /// draw(predict(...)).
  at::Tensor clean(const at::Tensor& noisy, const at::Tensor& times,
                   const Conditions& conditions = {}) const;

  void to(const at::Device& device) const;
  at::Device device() const;
  std::int64_t parameter_count() const;

  /// Weights by name; the model's own tensors, not copies.
  std::map<std::string, at::Tensor> state() const;
  /// Copies `tensors` into the model. Throws Error that names a tensor that is missing, of another
  /// shape or of no layer.
  void load_state(const std::map<std::string, at::Tensor>& tensors) const;

 private:
  Conditions weighted(const Conditions& conditions, const at::Tensor& noisy) const;

  PatchFlowArchitecture architecture_;
  std::shared_ptr<PatchFlowNetwork> network_;
};

}  // namespace neurosplat
