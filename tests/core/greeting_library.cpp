#include "neurosplat/core/lazy_library.h"

// NEUROSPLAT_VERSION as the build says it, or another; with NEUROSPLAT_SILENT no function to ask.
namespace {

struct Greeting {
  int (*answer)();
};

constexpr Greeting kFunctions{.answer = [] { return 42; }};

}  // namespace

#ifdef NEUROSPLAT_SILENT
extern "C" [[gnu::visibility("default")]] const void* another_function() {
  return &kFunctions;
}
#else
extern "C" [[gnu::visibility("default")]] const void* neurosplat_functions(const char* version) {
  return neurosplat::functions_for(version, NEUROSPLAT_TEST_VERSION, kFunctions);
}
#endif
