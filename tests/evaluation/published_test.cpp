#include "neurosplat/evaluation/published.h"

#include <gtest/gtest.h>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

TEST(Published, NamesAReasonOnlyWhereTheDigitsDiffer) {
  const nlohmann::ordered_json results = {
      {"a_db", 1.0849}, {"b_db", 1.0851}, {"places", {{1, 2}}}, {"others", {{1, 2}}}};
  const auto reference =
      reference_beside(results, {{"a_db", 1.08, 2}, {"b_db", 1.08, 2}},
                       {{"places", {{1, 2}}}, {"others", {{1, 3}}}}, "there", "because");
  EXPECT_EQ(reference["a_db"], 1.08);
  EXPECT_FALSE(reference.contains("a_db_reason"));
  EXPECT_EQ(reference["b_db_reason"], "because");
  EXPECT_FALSE(reference.contains("places_reason"));
  EXPECT_EQ(reference["others_reason"], "because");
  EXPECT_EQ(reference["source"], "there");
  EXPECT_THROW(
      reference_beside(results, {{"c_db", 1.0, 1}}, nlohmann::ordered_json::object(), "", ""),
      Error);
}

}  // namespace
}  // namespace neurosplat
