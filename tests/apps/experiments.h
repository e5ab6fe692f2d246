#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

/// What tests of neurosplat-evaluate's experiments share.
namespace neurosplat::testing {

class Experiments : public ::testing::Test {
 protected:
  Finished evaluate(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {program("neurosplat-evaluate"), name,        "--out",
                                    (folder_ / name).string(),      "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all);
  }

  std::vector<std::string> on_our_inputs() const {
    return {"--fixtures", (source_folder() / "tests/fixtures/perception").string()};
  }

  nlohmann::json metrics_of(const std::string& name) const {
    std::ifstream in(folder_ / name / "metrics.json");
    return nlohmann::json::parse(in);
  }

  /// Runs on the reference's inputs: metrics with `keys`, no reason for a difference, a figure.
  void expect_published(const std::string& name, const std::string& figure,
                        const std::vector<std::string>& keys) const {
    const auto run = evaluate(name, on_our_inputs());
    ASSERT_EQ(run.status, 0) << run.errors;
    const auto metrics = metrics_of(name);
    EXPECT_EQ(metrics["experiment"], name);
    for (const auto& key : keys) {
      EXPECT_TRUE(metrics["results"].contains(key)) << key;
      EXPECT_TRUE(metrics["reference"].contains(key)) << key;
    }
    for (const auto& [key, value] : metrics["reference"].items()) {
      EXPECT_FALSE(key.ends_with("_reason")) << key << " " << metrics["results"].dump();
    }
    EXPECT_GT(read_picture(folder_ / name / (figure + ".png")).size(2), 500);
  }

  TemporaryFolder folder_;
};

}  // namespace neurosplat::testing
