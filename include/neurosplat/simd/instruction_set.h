#pragma once

namespace neurosplat::simd {

enum class InstructionSet { baseline, avx2, avx512 };

/// Environment variable that asks for another set than the fastest: baseline, AVX2 or AVX-512.
inline constexpr const char* kInstructionSetVariable = "NEUROSPLAT_INSTRUCTION_SET";

/// The set in use, chosen once. Throws UsageError where the variable names one that this processor
/// does not run.
InstructionSet instruction_set();

}  // namespace neurosplat::simd
