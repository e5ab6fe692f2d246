#include "neurosplat/training/option_range.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

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

}  // namespace
}  // namespace neurosplat
