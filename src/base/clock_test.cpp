#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace p2p {
namespace {

TEST(Clock, WritesAndReadsRfc3339) {
  EXPECT_EQ(to_text(from_millis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_text(from_millis(1'795'492'850'123)), "2026-11-24T04:00:50.123Z");
  EXPECT_EQ(parse_time("2026-11-24T04:00:50.123Z"), from_millis(1'795'492'850'123));
  EXPECT_EQ(parse_time("2026-11-24T04:00:50Z"), from_millis(1'795'492'850'000));
  const Time time = now();
  EXPECT_EQ(parse_time(to_text(time)), time);
}

TEST(Clock, RefusesWhatIsNoTime) {
  for (const char* wrong : {"", "Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T04:60:00Z",
                            "2026-11-24 04:00:50Z", "2026-11-24T04:00:50", "2026-11-24T04:00:50.1234Z", "2026-11-24T04:00:5\xC3Z",
                            "-026-11-24T04:00:50Z", "2026-11-24T04:00:50.-12Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace p2p
