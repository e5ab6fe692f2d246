#include "renderer/packets/matrix/matrix_kernels.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::packet::matrix {

const Kernels& baseline_kernels();
#if defined(NEUROSPLAT_X86_KERNELS)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

namespace {

/// The sets that this processor runs, the fastest last.
std::vector<const Kernels*> sets() {
  std::vector<const Kernels*> found{&baseline_kernels()};
#if defined(NEUROSPLAT_X86_KERNELS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(&avx2_kernels());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
      found.push_back(&avx512_kernels());
    }
  }
#endif
  return found;
}

const Kernels& choose() {
  const auto found = sets();
  const char* asked = std::getenv(kInstructionSetVariable);
  if (asked == nullptr || *asked == '\0') return *found.back();
  std::string names;
  for (const Kernels* set : found) {
    if (set->name == std::string(asked)) return *set;
    names += text(names.empty() ? "" : ", ", set->name);
  }
  throw UsageError(text(kInstructionSetVariable, ": expected one that this processor runs (", names,
                        "), got '", asked, "'"));
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace neurosplat::packet::matrix
