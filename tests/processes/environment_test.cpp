#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/processes/process_group.h"

namespace neurosplat::processes {
namespace {

const std::map<std::string, std::string> kOfTorchrun = {{"RANK", "5"},
                                                        {"WORLD_SIZE", "8"},
                                                        {"LOCAL_RANK", "1"},
                                                        {"LOCAL_WORLD_SIZE", "4"},
                                                        {"MASTER_ADDR", "node"},
                                                        {"MASTER_PORT", "29500"},
                                                        {"TORCHELASTIC_RESTART_COUNT", "2"},
                                                        {"TORCHELASTIC_USE_AGENT_STORE", "True"}};

class Environment : public ::testing::Test {
 protected:
  void SetUp() override { set({}); }
  void TearDown() override { set({}); }

  static void set(const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : kOfTorchrun) unsetenv(name.c_str());
    for (const auto& [name, value] : values) setenv(name.c_str(), value.c_str(), 1);
  }
  static void expect_refused(const std::string& name, const std::string& value,
                             const std::string& part) {
    auto values = kOfTorchrun;
    values[name] = value;
    set(values);
    try {
      place_in_environment();
      ADD_FAILURE() << name << '=' << value;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
};

TEST_F(Environment, WithoutWorldSizeAProcessIsAlone) {
  EXPECT_EQ(place_in_environment().count, 1);
  set({{"RANK", "3"}, {"MASTER_PORT", "x"}});
  EXPECT_EQ(place_in_environment().count, 1);
  set({{"WORLD_SIZE", "1"}});
  EXPECT_EQ(place_in_environment().rank, 0);
}

TEST_F(Environment, IsThatOfTorchrun) {
  set(kOfTorchrun);
  const auto place = place_in_environment();
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.count, 8);
  EXPECT_EQ(place.local_rank, 1);
  EXPECT_EQ(place.local_count, 4);
  EXPECT_EQ(place.restarts, 2);
  EXPECT_EQ(place.address, "node");
  EXPECT_EQ(place.port, 29500);
  EXPECT_TRUE(place.hosted);
}

TEST_F(Environment, RefusesWhatCannotBe) {
  expect_refused("WORLD_SIZE", "two", "WORLD_SIZE: expected an integer from 1");
  expect_refused("WORLD_SIZE", "0", "WORLD_SIZE: expected an integer from 1");
  expect_refused("RANK", "8", "RANK: expected an integer from 0 to 7, got '8'");
  expect_refused("RANK", "-1", "RANK");
  expect_refused("RANK", "", "RANK: expected a value, as WORLD_SIZE is 8");
  expect_refused("MASTER_PORT", "65536", "MASTER_PORT: expected an integer from 1 to 65535");
  expect_refused("MASTER_ADDR", "", "MASTER_ADDR: expected a value");
  expect_refused("LOCAL_RANK", "4", "LOCAL_RANK: expected an integer from 0 to 3");
}

}  // namespace
}  // namespace neurosplat::processes
