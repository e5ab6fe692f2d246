#include "neurosplat/core/memory.h"

#include <limits>  // defines __GLIBC__, as any header of the C++ library does there

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace neurosplat {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = std::numeric_limits<int>::max();
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
#endif
}

}  // namespace neurosplat
