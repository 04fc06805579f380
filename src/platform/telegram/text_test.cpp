#include <gtest/gtest.h>

#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

TEST(CutTo, CountsUtf16Units) {
  EXPECT_EQ(length_of("aж😀"), 4u);
  EXPECT_EQ(cut_to("abc", 3), "abc");
  EXPECT_EQ(cut_to("abcd", 3), "ab…");
  EXPECT_EQ(cut_to("жжжж", 3), "жж…");
  EXPECT_EQ(cut_to("😀😀", 4), "😀😀");
  EXPECT_EQ(cut_to("😀😀", 3), "😀…");
  EXPECT_EQ(cut_to("a😀", 2), "a…");
  EXPECT_EQ(cut_to("abc", 0), "");
}

TEST(CutTo, IsNeverLongerAndAlwaysValid) {
  const std::string text = "a\xffж\xf0\x9f😀\xed\xa0\x80z";
  for (std::size_t units = 0; units <= length_of(text) + 1; ++units) {
    const std::string cut = cut_to(text, units);
    EXPECT_LE(length_of(cut), units);
    EXPECT_NO_THROW(static_cast<void>(Json(cut).dump())) << units;
  }
}

}  // namespace
}  // namespace p2p::telegram
