#include "app/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace p2p::app {
namespace {

TEST(Table, AlignsByCharacterNotByByte) {
  std::ostringstream out;
  print_table(out, {{"имя", "x"}, {"name", "y"}});
  EXPECT_EQ(out.str(), "имя   x\nname  y\n");
}

TEST(Table, EscapesControlCharacters) {
  std::ostringstream out;
  print_table(out, {{"a\nb\x1b[2J", "x"}, {"name", "\u202ey"}});
  EXPECT_EQ(out.str(), "a b\\u001b[2J  x\nname          \\u202ey\n");
}

TEST(Table, FormatsBytes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(999'999), "1.0 MB");
  EXPECT_EQ(bytes_text(24'400'000), "24 MB");
  EXPECT_EQ(bytes_text(8.19e9), "8.2 GB");
}

}  // namespace
}  // namespace p2p::app
