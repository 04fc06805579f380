// Reading a topic's log without a group.

#include <gmock/gmock.h>

#include "platform/bus/bus_error.hpp"
#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST_P(BusContract, ReadsFromTheEndUnlessToldOtherwise) {
  const std::string topic = new_topic();
  send_numbers(topic, 2);
  const auto reader = bus().read_log(topic, {});
  EXPECT_TRUE(reader->caught_up());
  EXPECT_THAT(reader->positions(), ElementsAre(Pair(TopicPartition{topic, 0}, 2)));
  send_numbers(topic, 2, 2);
  EXPECT_THAT(values(read(*reader, 2)), ElementsAre("2", "3"));
  EXPECT_THAT(reader->positions(), ElementsAre(Pair(TopicPartition{topic, 0}, 4)));
}

TEST_P(BusContract, ReadsFromOffsets) {
  const std::string topic = new_topic(2);
  send_numbers(topic, 3, 0, 0);
  send_numbers(topic, 3, 10, 1);
  const auto reader = bus().read_log(topic, {.offsets = {{{topic, 0}, 1}}, .since = std::nullopt});
  EXPECT_FALSE(reader->caught_up());
  EXPECT_THAT(values(read(*reader, 2)), ElementsAre("1", "2")) << "the other partition from its end";
  EXPECT_TRUE(eventually([&] { return reader->poll(std::chrono::milliseconds(10)).empty() && reader->caught_up(); }));
  EXPECT_THAT(reader->positions(), ElementsAre(Pair(TopicPartition{topic, 0}, 3), Pair(TopicPartition{topic, 1}, 3)));
}

TEST_P(BusContract, ReadsFromATime) {
  const std::string topic = new_topic();
  send_numbers(topic, 20);
  const Time old = now();
  ASSERT_TRUE(eventually([&] { return now() > old; }));
  send_numbers(topic, 3, 20);
  const auto all = read_all(topic);
  ASSERT_EQ(all.size(), 23u);
  const auto reader = bus().read_log(topic, {.offsets = {}, .since = all[20].timestamp});
  EXPECT_THAT(values(read(*reader, 3)), ElementsAre("20", "21", "22"));
  const auto later = bus().read_log(topic, {.offsets = {}, .since = now() + std::chrono::minutes(1)});
  EXPECT_TRUE(later->caught_up());
  EXPECT_THAT(later->positions(), ElementsAre(Pair(TopicPartition{topic, 0}, 23)));
}

TEST_P(BusContract, OffsetBeyondTheEndIsOfAnotherLog) {
  const std::string topic = new_topic();
  send_numbers(topic, 2);
  const auto reader = bus().read_log(topic, {.offsets = {{{topic, 0}, 99}}, .since = std::nullopt});
  EXPECT_THAT(values(read(*reader, 2)), ElementsAre("0", "1"));
  EXPECT_TRUE(reader->caught_up());
}

TEST_P(BusContract, AnotherLogIsReadFromItsFirstRecord) {
  const std::string topic = new_topic();
  send_numbers(topic, 2);
  const auto reader = bus().read_log(topic, {.offsets = {{{topic, 0}, 2}}, .since = std::nullopt, .log = "another"});
  EXPECT_THAT(values(read(*reader, 2)), ElementsAre("0", "1"));
  const auto same = bus().read_log(topic, {.offsets = {{{topic, 0}, 1}}, .since = std::nullopt, .log = reader->log()});
  EXPECT_THAT(values(read(*same, 1)), ElementsAre("1"));
}

TEST_P(BusContract, LogOfIsWhatReadersReport) {
  const std::string topic = new_topic();
  const std::string log = bus().read_log(topic, {})->log();
  EXPECT_NE(log, "");
  EXPECT_TRUE(eventually([&] { return bus().log_of(topic) == log; }));
  EXPECT_NE(bus().read_log(new_topic(), {})->log(), "");
}

TEST_P(RecreationContract, ReaderOfARecreatedTopicFails) {
  const std::string topic = new_topic();
  send_numbers(topic, 2);
  const auto reader = bus().read_log(topic, {.offsets = {}, .since = Time{}});
  read(*reader, 2);
  backend_->recreate({topic, 1});
  EXPECT_TRUE(eventually([&] {
    try {
      reader->poll(std::chrono::milliseconds(10));
      return false;
    } catch (const BusError&) {
      return true;
    }
  }));
  ASSERT_TRUE(eventually([&] { return bus().log_of(topic) != reader->log(); }));
  send_numbers(topic, 1, 10);
  const auto again = bus().read_log(topic, {.offsets = reader->positions(), .since = std::nullopt, .log = reader->log()});
  EXPECT_THAT(values(read(*again, 1)), ElementsAre("10"));
}

TEST_P(RetentionContract, ExpiredRecordsAreSkipped) {
  const std::string topic = new_topic() + ".short";
  const TopicSpec spec{.name = topic, .partitions = 1, .retention = std::chrono::hours(0)};
  ensure(spec);
  send_numbers(topic, 5);
  const auto open = bus().read_log(topic, {.offsets = {{{topic, 0}, 1}}, .since = std::nullopt});
  backend_->expire(spec);
  const auto empty = bus().read_log(topic, {.offsets = {{{topic, 0}, 3}}, .since = std::nullopt});
  EXPECT_TRUE(eventually([&] { return empty->poll(std::chrono::milliseconds(10)).empty() && empty->caught_up(); }));
  EXPECT_THAT(empty->positions(), ElementsAre(Pair(TopicPartition{topic, 0}, 5)));
  EXPECT_EQ(bus().backlog(group_, topic).topic_exists, true);

  send_numbers(topic, 2, 5);
  const auto since = bus().read_log(topic, {.offsets = {}, .since = Time{}});
  EXPECT_THAT(values(read(*since, 2)), ElementsAre("5", "6"));
  EXPECT_EQ(since->positions().begin()->second, 7) << "offsets continue";
  const auto member = bus().subscribe(group_, {topic}, {});
  EXPECT_THAT(values(read(*member, 2)), ElementsAre("5", "6"));
}

}  // namespace
}  // namespace p2p::bus::testing
