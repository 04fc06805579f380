#include "base/log.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "base/clock.hpp"

namespace p2p {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class Log : public ::testing::Test {
 protected:
  void TearDown() override { log::configure(log::Level::info, log::Format::text); }
};

TEST_F(Log, TextLinesHaveTheirFieldsAndNoControlCharacters) {
  ::testing::internal::CaptureStderr();
  log::debug("not shown");
  log::warn("two\nlines\x1b[31m", {{"id", "a\nb"}, {"seconds", 1.5}, {"worker", nullptr}});
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, EndsWith("warn  two lines\\u001b[31m id=\"a\\nb\" seconds=1.5\n"));
  EXPECT_TRUE(parse_time(text.substr(0, 24)));
}

TEST_F(Log, JsonLinesAreJsonWhateverStandsInThem) {
  log::configure(log::Level::debug, log::Format::json);
  ::testing::internal::CaptureStderr();
  log::debug("bad \xff text", {{"id", "x\xff"}});
  const std::string text = ::testing::internal::GetCapturedStderr();
  const Json line = Json::parse(text);
  EXPECT_EQ(line["level"], "debug");
  EXPECT_THAT(line["id"].get<std::string>(), HasSubstr("x"));
}

TEST_F(Log, NothingFromOutsideMovesTheCursorOrTheOrder) {
  const std::string hostile = "\x1b \x7f \u009b \u2028 \u202e \u2066 \u200f \u061c";
  const std::string shown = "\\u001b \\u007f \\u009b \\u2028 \\u202e \\u2066 \\u200f \\u061c";
  for (const auto format : {log::Format::text, log::Format::json}) {
    log::configure(log::Level::info, format);
    ::testing::internal::CaptureStderr();
    log::info(hostile, {{"field", hostile}, {hostile, 1}});
    const std::string line = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(line, HasSubstr(shown));
    for (const char* raw : {"\x1b", "\x7f", "\u009b", "\u2028", "\u202e", "\u2066", "\u200f", "\u061c"})
      EXPECT_EQ(line.find(raw), line.npos);
    if (format == log::Format::json) EXPECT_EQ(Json::parse(line)["message"], hostile);
  }
  log::configure(log::Level::info, log::Format::text);
  ::testing::internal::CaptureStderr();
  log::info("bad \xff text");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), EndsWith("bad \\xff text\n"));
}

TEST_F(Log, ThreadsDoNotMixTheirLines) {
  log::configure(log::Level::info, log::Format::json);
  ::testing::internal::CaptureStderr();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) log::info("line", {{"thread", t}});
      });
    }
  }
  std::istringstream lines(::testing::internal::GetCapturedStderr());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(Json::accept(line)) << line;
  EXPECT_EQ(count, 400);
}

}  // namespace
}  // namespace p2p
