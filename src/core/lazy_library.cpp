#include "neurosplat/core/lazy_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;

/// The folders of the running program and of the shared library that this code was linked into.
/// By path, since a sanitizer's dlopen() does not see the run path of who calls it.
std::vector<fs::path> own_folders() {
  std::vector<fs::path> folders;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&lazy_library), &here) != 0 && here.dli_fname) {
    const fs::path file(here.dli_fname);
    if (file.has_parent_path()) folders.push_back(file.parent_path());
  }
  std::error_code none;
  const auto program = fs::read_symlink("/proc/self/exe", none);
  if (!none) folders.push_back(program.parent_path());
  return folders;
}

/// Its path, or its name alone where it lies in none of our folders.
std::string place_of(const std::string& file) {
  for (const auto& folder : own_folders()) {
    for (const auto& place : {folder / file, folder.parent_path() / "lib" / file}) {
      std::error_code none;
      if (fs::is_regular_file(place, none)) return place.string();
    }
  }
  return file;
}

}  // namespace

const void* lazy_library(const std::string& name) {
  const auto file = "libneurosplat_" + name + ".so";
  void* handle = dlopen(place_of(file).c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    throw LibraryMissing(text("expected ", file, " beside this program or in ../lib, got: ",
                              reason == nullptr ? "no reason" : reason,
                              ": install neurosplat whole, or set LD_LIBRARY_PATH to its folder"));
  }
  using Give = const void* (*)(const char*);
  const auto give = reinterpret_cast<Give>(dlsym(handle, "neurosplat_functions"));
  const void* functions = give == nullptr ? nullptr : give(NEUROSPLAT_VERSION);
  if (functions == nullptr) {
    throw LibraryMissing(text("expected ", file, " of neurosplat ", NEUROSPLAT_VERSION,
                              ", got one of another version: install neurosplat whole"));
  }
  return functions;
}

}  // namespace neurosplat
