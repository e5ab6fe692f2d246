// neurosplat::activate: raw packets to activated ones.
#include "neurosplat/renderer/packets/renderer.h"
#include "operators/redrawn_operator.h"

namespace neurosplat::operators {
namespace {

struct Activate {
  static constexpr const char* value = "activate";
};

at::Tensor activate(const at::Tensor& raw) {
  return activate_packets(raw);
}

at::Tensor shape(const at::Tensor& raw) {
  TORCH_CHECK_VALUE(raw.dim() == 3 && raw.sym_size(2) >= 7 && raw.sym_size(2) % 2 == 1,
                    "packets: expected [B, N >= 1, 5 + 2 * channels], got ", raw.sym_sizes());
  return at::empty_symint(raw.sym_sizes(), raw.options());
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(neurosplat, library) {
  RedrawnOperator<Activate, activate, shape>::define(library, "");
}

}  // namespace neurosplat::operators
