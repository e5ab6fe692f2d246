#pragma once

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace neurosplat {

/// Ends the program at once, all that was printed written out. LibTorch would take back thousands
/// of registrations, one by one, which costs a third of a short program's time. Call it when all
/// work is done and every file closed: destructors of static objects do not run. With sanitizers
/// it ends the usual way, in which they look for leaks.
[[noreturn]] inline void leave(int status) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(status);
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  std::exit(status);
#endif
#endif
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace neurosplat
