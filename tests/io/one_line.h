#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat::testing {

/// The message of the Error that `work` throws; fails the test when it throws none, anything
/// else, or more than one line.
inline std::string one_line_error(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 600U) << message;
    return message;
  }
  ADD_FAILURE() << "expected an Error, got none";
  return {};
}

}  // namespace neurosplat::testing
