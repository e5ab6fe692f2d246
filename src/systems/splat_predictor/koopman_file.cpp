#include "neurosplat/systems/splat_predictor/koopman_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/io/torch_checkpoint.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

const std::string kWeight = "weight";
/// Ours, in a splat predictor's model, and a tensor that was saved by itself.
const std::array<std::string, 3> kNames = {kWeight, "koop.weight", ""};

fs::path koopman_path(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  for (const auto& name : kKoopmanFileNames) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw Error(text(path.string(), ": expected a run folder with koopman.safetensors in it"));
}

}  // namespace

at::Tensor load_koopman(const fs::path& given) {
  const auto path = koopman_path(given);
  const auto extension = path.extension();
  const auto tensors = extension == ".pt" || extension == ".pth" ? read_torch_state_dict(path)
                                                                 : read_safetensors(path).tensors;
  const auto* const name = std::find_if(kNames.begin(), kNames.end(),
                                        [&](const auto& known) { return tensors.contains(known); });
  if (name == kNames.end()) {
    throw Error(text(path.string(), ": expected a Koopman operator under the name ", kWeight,
                     " or koop.weight, found none"));
  }
  const auto& koopman = tensors.at(*name);
  if (koopman.dim() != 2 || koopman.size(0) != koopman.size(1) || koopman.numel() == 0 ||
      !koopman.is_floating_point()) {
    throw Error(text(path.string(), ": expected a square float matrix, got ", koopman.toString(),
                     " ", koopman.sizes()));
  }
  if (!koopman.isfinite().all().item<bool>()) {
    throw Error(text(path.string(), ": expected finite numbers, some are not"));
  }
  return koopman.to(at::kFloat).contiguous();
}

void save_koopman(const fs::path& path, const at::Tensor& koopman,
                  const std::map<std::string, std::string>& more) {
  TensorFile file{{{kWeight, koopman.detach()}}, more};
  file.metadata["model"] = "koopman";
  file.metadata["latent"] = std::to_string(koopman.size(0));
  file.metadata["neurosplat_version"] = NEUROSPLAT_VERSION;
  write_safetensors(path, file);
}

}  // namespace neurosplat
