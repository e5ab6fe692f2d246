/// model_packets MODEL DATA OUT: raw packets of four test pictures of Flowers-102 (seed 0), as the
/// model's encoder mean gives them, as a tensor `packets` [4, N, 11] in a safetensors file.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdio>
#include <exception>

#include "neurosplat/core/error.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_vae/model_file.h"

namespace neurosplat::benchmarks {
namespace {

void run(const char* model_path, const char* data, const char* out) {
  constexpr std::int64_t kPictures = 4;
  const at::NoGradGuard no_gradient;
  const auto model = load_splat_vae(model_path);
  const PictureLoader loader(
      seeded_subset(open_pictures({.kind = DatasetKind::flowers, .root = data, .splits = {"test"}}),
                    kPictures, 0),
      {.side = model.architecture().image_size,
       .batch = kPictures,
       .shuffle = false,
       .drop_last = false});
  const auto pictures = to_unit_range(loader.pictures({0, 1, 2, 3}), at::kCPU);
  write_safetensors(out, {{{"packets", model.decode(model.latents_of(pictures))}}, {}});
}

}  // namespace
}  // namespace neurosplat::benchmarks

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "model_packets: expected MODEL DATA OUT\n");
    return 2;
  }
  try {
    neurosplat::benchmarks::run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_packets: %s\n", error.what());
    return 1;
  }
  return 0;
}
