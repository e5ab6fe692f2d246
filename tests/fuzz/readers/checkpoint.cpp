// A checkpoint of a run, as it is found when the run is resumed: its position, weights, optimiser
// and noise.
#include "neurosplat/training/checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <filesystem>
#include <map>

#include "fuzz/readers.h"
#include "fuzz/readers/taken_tensors.h"
#include "fuzz/scratch_file.h"
#include "neurosplat/core/error.h"
#include "neurosplat/training/optimiser.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat::fuzz {

void checkpoint(Bytes bytes) {
  std::filesystem::create_directories(scratch_folder() / "checkpoints");
  const ScratchFile file(bytes, "checkpoints/step-00000001.safetensors");
  const auto loaded = CheckpointFolder(scratch_folder()).load_newest();
  expect(loaded.has_value(), "a checkpoint that is not seen");
  expect(loaded->position.epoch >= 0 && loaded->position.batch >= 0 && loaded->position.step >= 0,
         "a position before the beginning");
  take(weights_in(loaded->state));
  check_kind(loaded->state, "splat-vae");
  Optimiser optimiser({{"w", at::zeros({2, 3}, at::TensorOptions(at::kFloat)).requires_grad_()}},
                      {.kind = OptimiserKind::adamw, .accumulate = 2, .average = 0.9});
  optimiser.load(loaded->state);
  auto noise = at::detail::createCPUGenerator(1);
  load_noise(loaded->state, noise);
  at::randn({700}, noise);
}

}  // namespace neurosplat::fuzz
