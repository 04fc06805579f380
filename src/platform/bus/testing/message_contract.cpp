// What becomes of a message: order, partitions, bytes, delivery reports.

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::chrono::seconds kFlush{60};

TEST_P(BusContract, KeepsOrderWithinAPartition) {
  const std::string topic = new_topic(2);
  std::vector<Outgoing> messages;
  for (int i = 0; i < 600; ++i)
    messages.push_back({.topic = topic, .partition = i % 2, .key = "", .value = std::to_string(i), .headers = {}});
  send(messages);
  std::map<int, std::vector<std::string>> read;
  for (const Record& record : read_all(topic)) {
    EXPECT_EQ(record.offset, static_cast<std::int64_t>(read[record.partition].size()));
    read[record.partition].push_back(record.value);
  }
  ASSERT_THAT(read, SizeIs(2));
  for (std::size_t i = 0; i < messages.size(); ++i) EXPECT_EQ(read[static_cast<int>(i % 2)].at(i / 2), messages[i].value);
}

TEST_P(BusContract, OneKeyGoesToOnePartition) {
  const std::string topic = new_topic(4);
  for (int round = 0; round < 2; ++round) {
    std::vector<Outgoing> messages;
    for (int i = 0; i < 40; ++i) messages.push_back({.topic = topic, .key = "key " + std::to_string(i), .value = "x"});
    send(messages);
  }
  std::map<std::string, std::set<int>> partitions;
  std::set<int> all;
  for (const Record& record : read_all(topic)) {
    partitions[record.key].insert(record.partition);
    all.insert(record.partition);
  }
  EXPECT_THAT(partitions, SizeIs(40));
  for (const auto& [key, where] : partitions) EXPECT_THAT(where, SizeIs(1)) << key;
  EXPECT_THAT(all, SizeIs(4)) << "keys are spread over the partitions";
}

TEST_P(BusContract, KeepsEveryByte) {
  const std::string topic = new_topic();
  const std::string bytes("\0\xff\xc3 text \n\x01", 12);
  const std::vector<Outgoing> sent{
      {.topic = topic, .partition = 0, .key = bytes, .value = bytes, .headers = {{"b", bytes}, {"a", ""}, {"b", "second"}}},
      {.topic = topic, .partition = 0, .key = "", .value = "", .headers = {}},
      {.topic = topic, .partition = 0, .key = "large", .value = std::string(900'000, 'x'), .headers = {{"traceparent", "00-1-2-03"}}}};
  send(sent);
  const auto read = read_all(topic);
  ASSERT_THAT(read, SizeIs(3));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(read[i].topic, topic);
    EXPECT_EQ(read[i].key, sent[i].key);
    EXPECT_TRUE(read[i].value == sent[i].value) << i;
    EXPECT_EQ(read[i].headers, sent[i].headers);
  }
}

TEST_P(BusContract, TimestampIsWhenItWasSent) {
  const std::string topic = new_topic();
  const Time before = now();
  send_numbers(topic, 1);
  const auto read = read_all(topic);
  ASSERT_THAT(read, SizeIs(1));
  EXPECT_GE(read[0].timestamp, before);
  EXPECT_LE(read[0].timestamp, now());
}

TEST_P(BusContract, RefusesATooLargeMessageForGood) {
  const std::string topic = new_topic();
  const auto producer = bus().producer();
  std::atomic<int> refused = 0;
  std::atomic<int> stored = 0;
  producer->send({.topic = topic, .partition = 0, .key = "", .value = std::string(2'000'000, 'x'), .headers = {}},
                 [&](const Producer::Problem& problem) { refused += problem.permanent && !problem.empty() ? 1 : 0; });
  producer->send({.topic = topic, .partition = 0, .key = "", .value = "next", .headers = {}},
                 [&](const Producer::Problem& problem) { stored += problem.empty() ? 1 : 0; });
  ASSERT_TRUE(producer->flush(kFlush));
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(stored, 1);
  EXPECT_THAT(values(read_all(topic)), ElementsAre("next"));
}

TEST_P(BusContract, FlushWaitsForEveryReport) {
  const std::string topic = new_topic(3);
  const auto producer = bus().producer();
  const auto this_thread = std::this_thread::get_id();
  std::vector<std::atomic<int>> reports(300);
  std::atomic<bool> from_sender = false;
  for (int i = 0; i < 300; ++i) {
    producer->send({.topic = topic, .key = std::to_string(i), .value = "x"}, [&, i](const Producer::Problem& problem) {
      EXPECT_TRUE(problem.empty());
      if (std::this_thread::get_id() == this_thread) from_sender = true;
      ++reports[static_cast<std::size_t>(i)];
    });
    producer->send({.topic = topic, .key = std::to_string(i), .value = "without a report"});
  }
  ASSERT_TRUE(producer->flush(kFlush));
  for (const auto& count : reports) EXPECT_EQ(count, 1);
  EXPECT_FALSE(from_sender);
  EXPECT_THAT(read_all(topic), SizeIs(600));
}

TEST_P(BusContract, AReportMaySendTheNextMessage) {
  const std::string topic = new_topic();
  const auto producer = bus().producer();
  std::function<void(int)> send_next = [&](int left) {
    producer->send({.topic = topic, .partition = 0, .key = "", .value = std::to_string(left), .headers = {}},
                   [&, left](const Producer::Problem&) {
                     if (left > 0) send_next(left - 1);
                   });
  };
  send_next(4);
  ASSERT_TRUE(producer->flush(kFlush));
  EXPECT_THAT(values(read_all(topic)), ElementsAre("4", "3", "2", "1", "0"));
}

TEST_P(BusContract, ManyThreadsSendAndEachMessageIsReadOnce) {
  constexpr int kThreads = 4;
  constexpr int kEach = 250;
  const std::string topic = new_topic(4);
  std::map<std::string, int> seen;
  std::vector<std::unique_ptr<Subscription>> members;
  for (int i = 0; i < 2; ++i) members.push_back(bus("member").subscribe(group_, {topic}, {}));
  {
    const auto producer = bus().producer();
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          const std::string value = std::to_string(thread) + "-" + std::to_string(i);
          producer->send({.topic = topic, .key = value, .value = value},
                         [](const Producer::Problem& problem) { EXPECT_TRUE(problem.empty()); });
        }
      });
    }
    std::mutex mutex;
    for (const auto& member : members) {
      threads.emplace_back([&, member = member.get()] {
        EXPECT_TRUE(eventually([&] {
          const auto records = member->poll(std::chrono::milliseconds(20));
          for (const Record& record : records) member->done(record.topic_partition(), record.offset);
          const std::scoped_lock lock(mutex);
          for (const Record& record : records) ++seen[record.value];
          return seen.size() == static_cast<std::size_t>(kThreads * kEach);
        }));
      });
    }
    threads.clear();
    EXPECT_TRUE(producer->flush(kFlush));
  }
  members.clear();
  // Nothing was done by a member that had lost the partition meanwhile, so nothing is redelivered.
  EXPECT_EQ(bus().backlog(group_, topic).records, 0);
  EXPECT_THAT(read_all(topic), SizeIs(kThreads * kEach));
}

}  // namespace
}  // namespace p2p::bus::testing
