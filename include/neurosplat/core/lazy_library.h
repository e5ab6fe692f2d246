#pragma once

#include <cstring>
#include <stdexcept>
#include <string>

namespace neurosplat {

/// A library of ours is not where it belongs. No Error: whoever passes over a bad file or frame
/// must not pass over this.
class LibraryMissing : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The shared library libneurosplat_NAME.so of ours, opened at the first call: what it links is not
/// loaded by programs that do without. It is looked for beside the caller's file, in ../lib, and
/// where the loader looks (LD_LIBRARY_PATH, the run path that the package's CMake file sets). It
/// stays open. The return value is what its neurosplat_functions() gives, a table of functions.
/// Throws LibraryMissing where there is none, or one of another version of neurosplat.
const void* lazy_library(const std::string& name);

/// The same, as the table that both sides know from one header. Keep the reference: each call asks
/// the loader.
template <class Functions>
const Functions& lazy_functions(const std::string& name) {
  return *static_cast<const Functions*>(lazy_library(name));
}

/// For the body of `extern "C" const void* neurosplat_functions(const char* version)`, the only
/// symbol that such a library has to show: a caller of another version than `own` gets nothing.
template <class Functions>
const void* functions_for(const char* version, const char* own, const Functions& functions) {
  return std::strcmp(version, own) == 0 ? &functions : nullptr;
}

}  // namespace neurosplat
