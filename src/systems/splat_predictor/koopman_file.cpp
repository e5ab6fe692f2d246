#include "neurosplat/systems/splat_predictor/koopman_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

const std::string kWeight = "weight";
/// Ours, in a splat predictor's model, and a tensor that was saved by itself.
const std::array<std::string, 3> kNames = {kWeight, "koop.weight", ""};

}  // namespace

at::Tensor load_koopman(const fs::path& given) {
  const auto stored = read_stored_model(given, kKoopmanFileNames);
  const auto& tensors = stored.tensors;
  const auto path = stored.file;
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
  TensorFile file{{{kWeight, koopman.detach()}}, model_metadata("koopman", more)};
  file.metadata["latent"] = std::to_string(koopman.size(0));
  write_safetensors(path, file);
}

}  // namespace neurosplat
