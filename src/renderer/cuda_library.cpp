#include "neurosplat/core/lazy_library.h"
#include "renderer/cuda_functions.h"
#include "renderer/packets/cuda/cuda_renderer.h"
#include "renderer/patches/cuda/cuda_patches.h"

namespace neurosplat::cuda {

extern const Functions kFunctions;
const Functions kFunctions = {
    .field = packet::cuda::field,
    .activate_packets = packet::cuda::activate_packets,
    .field_gradient = packet::cuda::field_gradient,
    .activation_gradient = packet::cuda::activation_gradient,
    .draw_patches = patches::cuda::draw,
};

}  // namespace neurosplat::cuda

extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_VERSION, neurosplat::cuda::kFunctions);
}
