// One libFuzzer target: NEUROSPLAT_FUZZ_READER is the reader of readers.h that it runs.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/case.h"
#include "fuzz/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fault =
      neurosplat::fuzz::fault_of(neurosplat::fuzz::NEUROSPLAT_FUZZ_READER, {data, size});
  if (fault.empty()) return 0;
  std::fprintf(stderr, "FAULT: %s\n", fault.c_str());
  std::abort();
}
