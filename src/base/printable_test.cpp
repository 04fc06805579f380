#include "base/printable.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace p2p {
namespace {

TEST(Printable, KeepsWords) {
  for (const std::string text : {"", "a fox,\n\tsteps: 7", "лиса 🦊 \u00e9 \u00a0 \u200d \ufeff \U0010ffff"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatMovesTheCursorOrTheOrder) {
  EXPECT_EQ(printable("\x1b[2J\r\x7f\u0080\u009b31m\u009f"), "\\u001b[2J\\u000d\\u007f\\u0080\\u009b31m\\u009f");
  EXPECT_EQ(printable("\u2028\u2029\u202a\u202e\u2066\u2069\u200e\u200f\u061c"),
            "\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff|\xc0\xaf|\xe2\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\x9b"),
            "\\xff|\\xc0\\xaf|\\xe2\\x80|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\x9b");
}

TEST(Printable, LeavesJsonItsMeaning) {
  const Json json{{"a\u009b", "\u202e\x7f\\\"\n"}, {"b", {1, nullptr}}};
  EXPECT_EQ(Json::parse(printable(json.dump())), json);
}

}  // namespace
}  // namespace p2p
