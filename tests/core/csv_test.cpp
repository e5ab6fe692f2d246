#include "neurosplat/core/csv.h"

#include <gtest/gtest.h>

namespace neurosplat {
namespace {

// RFC 4180, section 2, rules 5 to 7.
TEST(CsvField, IsQuotedWhereALineCouldNotBeReadElse) {
  EXPECT_EQ(csv_field("a b.png"), "a b.png");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a, b"), "\"a, b\"");
  EXPECT_EQ(csv_field("the \"best\""), "\"the \"\"best\"\"\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field("a\rb"), "\"a\rb\"");
}

}  // namespace
}  // namespace neurosplat
