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
  EXPECT_THAT(text, EndsWith("warn  two lines [31m id=\"a\\nb\" seconds=1.5\n"));
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
