#include "neurosplat/training/options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "neurosplat/core/error.h"
#include "neurosplat/training/splat_predictor_config.h"
#include "neurosplat/training/splat_vae_config.h"

namespace neurosplat {
namespace {

TEST(OptionRange, SaysWhatItExpectsAndWhatItGot) {
  EXPECT_EQ(fault(AtLeast{1}, 1.0), "");
  EXPECT_EQ(fault(AtLeast{1}, 0.0), "expected at least 1, got 0");
  EXPECT_EQ(fault(Positive{}, 1e-300), "");
  EXPECT_EQ(fault(Positive{}, 0.0), "expected a positive number, got 0");
  EXPECT_EQ(fault(Between{0, 0.9}, 0.9), "");
  EXPECT_EQ(fault(Between{0, 0.9}, 0.91), "expected 0 to 0.9, got 0.91");
  EXPECT_EQ(fault(AnyValue{}, -7.0), "");
  const OptionRange either = OneOf{{"cpu", "cuda"}};
  EXPECT_EQ(fault(either, std::string("cuda")), "");
  EXPECT_EQ(fault(either, std::string("gpu")), "expected one of cpu, cuda, got 'gpu'");
  using Names = std::vector<std::string>;
  EXPECT_EQ(fault(either, Names{"cuda", "cpu"}), "");
  EXPECT_EQ(fault(either, Names{"cuda", "tpu"}), "expected one of cpu, cuda, got 'tpu'");
  EXPECT_EQ(fault(either, Names{}), "expected one of cpu, cuda, got none");
  EXPECT_EQ(fault(either, Names{"cpu", "cpu"}), "'cpu' is named twice");
}

TEST(OptionRange, NoRangeTakesWhatIsNotFinite) {
  for (const OptionRange& range : {OptionRange(AnyValue{}), OptionRange(AtLeast{0}),
                                   OptionRange(Positive{}), OptionRange(Between{0, 1e308})}) {
    for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      EXPECT_NE(fault(range, value), "");
    }
  }
}

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

TEST(Options, AreDescribedOnceAndByThemselves) {
  expect_well_described<SplatVaeConfig>();
  expect_well_described<SplatPredictorConfig>();
}

TEST(Options, SayWhichIsOutOfItsRange) {
  SplatVaeConfig config;
  config.threads = 1025;
  try {
    check_ranges(config);
    FAIL() << "expected a UsageError";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "threads: expected 0 to 1024, got 1025");
  }
}

}  // namespace
}  // namespace neurosplat
