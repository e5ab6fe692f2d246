#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/command.h"
#include "support/temporary_folder.h"

/// What tests of whole programs share.
namespace neurosplat::testing {

/// Trains a model of no use in a second.
inline std::vector<std::string> tiny_training(const std::filesystem::path& out) {
  return {program("neurosplat-train"),
          "splat-vae",
          "--dataset",
          "smoke",
          "--image-size",
          "16",
          "--num-packets",
          "9",
          "--latent",
          "6",
          "--batch",
          "64",
          "--epochs",
          "1",
          "--device",
          "cpu",
          "--held-out-every",
          "0",
          "--out",
          out.string()};
}

inline std::vector<std::string> with(std::vector<std::string> arguments,
                                     const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Failed with `status`, with one line on standard error that holds `part`, and wrote nothing.
inline void expect_refusal(const Finished& finished, int status, const std::string& part) {
  EXPECT_EQ(finished.status, status) << finished.errors;
  EXPECT_NE(finished.errors.find(part), std::string::npos) << finished.errors;
  const auto first = finished.errors.find("error: ");
  ASSERT_NE(first, std::string::npos) << finished.errors;
  EXPECT_EQ(finished.errors.find('\n', first), finished.errors.size() - 1) << finished.errors;
}

class Programs : public ::testing::Test {
 protected:
  TemporaryFolder folder;
};

}  // namespace neurosplat::testing
