#include "neurosplat/simd/instruction_set.h"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat::simd {
namespace {

/// The sets that this processor runs, the fastest last.
std::vector<std::pair<InstructionSet, std::string>> sets() {
  std::vector<std::pair<InstructionSet, std::string>> found{{InstructionSet::baseline, "baseline"}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.emplace_back(InstructionSet::avx2, "AVX2");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
      found.emplace_back(InstructionSet::avx512, "AVX-512");
    }
  }
#endif
  return found;
}

InstructionSet choose() {
  const auto found = sets();
  const char* asked = std::getenv(kInstructionSetVariable);
  if (asked == nullptr || *asked == '\0') return found.back().first;
  std::string names;
  for (const auto& [set, name] : found) {
    if (name == asked) return set;
    names += text(names.empty() ? "" : ", ", name);
  }
  throw UsageError(text(kInstructionSetVariable, ": expected one that this processor runs (", names,
                        "), got '", asked, "'"));
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet chosen = choose();
  return chosen;
}

}  // namespace neurosplat::simd
