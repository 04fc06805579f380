// Topics and queries about them.

#include <gmock/gmock.h>

#include <atomic>
#include <set>

#include "base/random_id.hpp"
#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_P(BusContract, AddsMissingPartitions) {
  const std::string topic = new_topic(1);
  send_numbers(topic, 2);
  std::set<TopicPartition> owned;
  const auto member = bus().subscribe(group_, {topic}, {.assigned = [&](const auto& given) { owned.insert(given.begin(), given.end()); }});
  ASSERT_TRUE(eventually([&] { return member->poll(std::chrono::milliseconds(10)), owned.size() == 1; }));
  ensure({topic, 3});
  EXPECT_TRUE(eventually([&] { return member->poll(std::chrono::milliseconds(10)), owned.size() == 3; })) << "members get the new ones";
  send_numbers(topic, 1, 5, 2);
  EXPECT_THAT(read_all(topic), SizeIs(3)) << "the old records stay";
  ensure({topic, 2});
  EXPECT_THAT(bus().read_log(topic, {})->positions(), SizeIs(3)) << "none is taken away";
}

TEST_P(BusContract, MemberGetsATopicThatIsCreatedLater) {
  const std::string topic = "contract." + new_id();
  const auto member = bus().subscribe(group_, {topic}, {});
  member->poll(std::chrono::milliseconds(10));
  ensure({topic, 1});
  send_numbers(topic, 1);
  EXPECT_THAT(read(*member, 1), SizeIs(1));
}

TEST_P(BusContract, MessagesWaitForTheirTopic) {
  const std::string topic = "contract." + new_id();
  const auto producer = bus().producer();
  std::atomic<int> stored = 0;
  std::atomic<int> failed = 0;
  const auto send_number = [&](int number) {
    producer->send({.topic = topic, .partition = 0, .key = "", .value = std::to_string(number), .headers = {}},
                   [&](const Producer::Problem& problem) { ++(problem.empty() ? stored : failed); });
  };
  for (int i = 0; i < 5; ++i) send_number(i);
  ensure({topic, 1});
  for (int i = 5; i < 10; ++i) send_number(i);
  ASSERT_TRUE(producer->flush(std::chrono::seconds(60)));
  EXPECT_EQ(stored, 10);
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(values(read_all(topic)), UnorderedElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

TEST_P(BusContract, BacklogCountsWhatIsNotCommitted) {
  const std::string missing = "contract." + new_id();
  EXPECT_FALSE(bus().backlog(group_, missing).topic_exists);
  const std::string topic = new_topic(2);
  EXPECT_TRUE(bus().backlog(group_, topic).topic_exists);
  EXPECT_EQ(bus().backlog(group_, topic).records, 0);
  send_numbers(topic, 3, 0, 0);
  send_numbers(topic, 4, 0, 1);
  EXPECT_EQ(bus().backlog(group_, topic).records, 7);
}

TEST_P(BusContract, NamesItsBrokers) { EXPECT_THAT(bus().brokers(std::chrono::seconds(20)), Not(IsEmpty())); }

}  // namespace
}  // namespace p2p::bus::testing
