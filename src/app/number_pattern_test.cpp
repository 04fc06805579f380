#include "app/number_pattern.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace p2p::app {
namespace {

TEST(NumberPattern, HasOneNumber) {
  for (const char* name : {"%d.png", "out-%03d.webp", "out-%3d.png", "a/%d/b.png", "%%%d"}) EXPECT_TRUE(is_number_pattern(name)) << name;
  for (const char* name : {"", "fox.png", "100%%.png"}) EXPECT_FALSE(is_number_pattern(name)) << name;
}

TEST(NumberPattern, RefusesEverythingElse) {
  for (const char* name : {"%s.png", "%n", "%", "%03", "%03x.png", "%*d", "%-3d", "%ld", "%10d", "%d-%d.png", "100%.png", "%1$d"})
    EXPECT_THROW(is_number_pattern(name), UsageError) << name;
}

TEST(NumberPattern, TakesTheNumber) {
  EXPECT_EQ(with_number("out-%03d.webp", 7), "out-007.webp");
  EXPECT_EQ(with_number("out-%03d.webp", 1234), "out-1234.webp");
  EXPECT_EQ(with_number("%d", 12), "12");
  EXPECT_EQ(with_number("100%%-%d", 1), "100%-1");
}

}  // namespace
}  // namespace p2p::app
