#pragma once

#include <stdexcept>
#include <string>

namespace neurosplat {

/// Something went wrong while working: a file, a picture, a number. Programs exit with 1.
/// The message is one line: what was expected, what was got, what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked for something that cannot be: an unknown option, a size that is no power of
/// two. Programs exit with 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace neurosplat
