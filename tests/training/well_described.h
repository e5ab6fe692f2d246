#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "neurosplat/training/options.h"

namespace neurosplat::testing {

/// Names, help and ranges of all options of a configuration.
template <class Config>
void expect_well_described() {
  Config config;
  std::set<std::string> names;
  visit_options(config, [&](const auto& option) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name << " is described twice";
    EXPECT_NE(std::string(option.help), "") << option.name;
    EXPECT_EQ(std::string(option.name).find_first_not_of("abcdefghijklmnopqrstuvwxyz_"),
              std::string::npos)
        << option.name;
  });
  EXPECT_NO_THROW(check_ranges(config));  // the defaults are in range
}

}  // namespace neurosplat::testing
