#include "neurosplat/core/words.h"

#include <gtest/gtest.h>

namespace neurosplat {
namespace {

using Words = std::vector<std::string>;

TEST(Words, AreThoseBetweenCommas) {
  EXPECT_EQ(words_of("train,val"), (Words{"train", "val"}));
  EXPECT_EQ(words_of("one"), Words{"one"});
  EXPECT_EQ(words_of(",a,,b c,"), (Words{"a", "b c"}));
  EXPECT_EQ(words_of(""), Words{});
  EXPECT_EQ(list_of({"train", "val"}), "train,val");
  EXPECT_EQ(list_of({}), "");
}

}  // namespace
}  // namespace neurosplat
