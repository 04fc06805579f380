// Consumer groups: assignment, redelivery, commits.

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "platform/bus/testing/bus_contract.hpp"

namespace p2p::bus::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::milliseconds kShortPoll{10};

void done(Subscription& member, const std::vector<Record>& records) {
  for (const Record& record : records) member.done(record.topic_partition(), record.offset);
}

/// Joins, and records what the functions of Events were called with.
struct Member {
  std::set<TopicPartition> owned;
  std::vector<std::string> calls;
  bool lost = false;
  std::unique_ptr<Subscription> subscription;

  Member(Bus& bus, const std::string& group, const std::string& topic, const std::function<void()>& on_revoked = {}) {
    subscription = bus.subscribe(group, {topic},
                                 {.assigned =
                                      [this](const auto& given) {
                                        if (!given.empty()) calls.emplace_back("assigned");
                                        owned.insert(given.begin(), given.end());
                                      },
                                  .vanished = [this](const auto&) { calls.emplace_back("vanished"); },
                                  .revoked =
                                      [this, on_revoked](const auto& taken, bool is_lost) {
                                        if (!taken.empty()) calls.emplace_back("revoked");
                                        lost |= is_lost;
                                        if (on_revoked) on_revoked();
                                        for (const auto& partition : taken) owned.erase(partition);
                                      }});
  }
  /// Polls, and expects that the records are of partitions that were assigned before.
  std::vector<Record> poll() {
    auto records = subscription->poll(kShortPoll);
    for (const Record& record : records) EXPECT_TRUE(owned.contains(record.topic_partition()));
    return records;
  }
};

TEST_P(BusContract, RedeliversWhatIsNotDone) {
  const std::string topic = new_topic();
  send_numbers(topic, 5);
  {
    const auto member = bus().subscribe(group_, {topic}, {});
    const auto records = read(*member, 5);
    EXPECT_THAT(values(records), ElementsAre("0", "1", "2", "3", "4")) << "a new group starts with the first record";
    ASSERT_THAT(records, SizeIs(5));
    done(*member, {records[3], records[0], records[1], records[4]});
  }
  EXPECT_EQ(bus().backlog(group_, topic).records, 3) << "the commit stops at the first record that is not done";
  const auto member = bus().subscribe(group_, {topic}, {});
  const auto records = read(*member, 3);
  EXPECT_THAT(values(records), ElementsAre("2", "3", "4"));
  for (const Record& record : records) EXPECT_TRUE(record.inherited);
}

TEST_P(BusContract, CommitsWhatIsDone) {
  const std::string topic = new_topic();
  send_numbers(topic, 3);
  const auto member = bus().subscribe(group_, {topic}, {});
  done(*member, read(*member, 3));
  member->commit();
  EXPECT_EQ(bus().backlog(group_, topic).records, 0);
  send_numbers(topic, 2, 3);
  const auto records = read(*member, 2);
  EXPECT_THAT(values(records), ElementsAre("3", "4"));
  for (const Record& record : records) EXPECT_FALSE(record.inherited);
  EXPECT_EQ(bus().backlog(group_, topic).records, 2);
}

TEST_P(BusContract, GroupsAreIndependent) {
  const std::string topic = new_topic();
  send_numbers(topic, 2);
  const auto first = bus().subscribe(group_, {topic}, {});
  done(*first, read(*first, 2));
  first->commit();
  const auto second = bus().subscribe(group_ + ".second", {topic}, {});
  EXPECT_THAT(read(*second, 2), SizeIs(2));
}

TEST_P(BusContract, MemberHasNoProblemOnceItHasPolled) {
  const std::string topic = new_topic();
  const auto member = bus().subscribe(group_, {topic}, {});
  EXPECT_TRUE(eventually([&] { return member->poll(kShortPoll).empty() && member->problem().empty(); }));
}

TEST_P(BusContract, PausedMemberKeepsItsPartitions) {
  const std::string topic = new_topic();
  const auto member = bus().subscribe(group_, {topic}, {});
  send_numbers(topic, 1);
  read(*member, 1);
  member->pause(true);
  send_numbers(topic, 1, 1);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(member->poll(kShortPoll), IsEmpty());
  EXPECT_EQ(member->problem(), "");
  member->pause(false);
  EXPECT_THAT(values(read(*member, 1)), ElementsAre("1"));
}

TEST_P(BusContract, MembersShareThePartitions) {
  const std::string topic = new_topic(4);
  Member first(bus("a"), group_, topic);
  ASSERT_TRUE(eventually([&] { return first.poll().empty() && first.owned.size() == 4; }));
  Member second(bus("b"), group_, topic);
  ASSERT_TRUE(eventually([&] { return first.poll().empty() && second.poll().empty() && second.owned.size() == 2; }));
  EXPECT_THAT(first.owned, SizeIs(2));
  EXPECT_FALSE(first.lost);

  for (int partition = 0; partition < 4; ++partition) send_numbers(topic, 3, 0, partition);
  std::map<TopicPartition, int> records;
  ASSERT_TRUE(eventually([&] {
    for (Member* member : {&first, &second}) {
      for (const Record& record : member->poll()) ++records[record.topic_partition()];
    }
    int count = 0;
    for (const auto& [partition, more] : records) count += more;
    return count >= 12;
  }));
  for (const auto& [partition, count] : records) EXPECT_EQ(count, 3);

  Bus::Group group;
  ASSERT_TRUE(eventually([&] {
    first.poll(), second.poll();
    group = bus().describe_group(group_);
    return group.stable && group.members.size() == 2;
  }));
  EXPECT_TRUE(group.exists);
  std::map<std::string, std::set<TopicPartition>> by_name;
  for (const auto& member : group.members) by_name[member.name] = {member.partitions.begin(), member.partitions.end()};
  EXPECT_EQ(by_name["a"], first.owned);
  EXPECT_EQ(by_name["b"], second.owned);
  EXPECT_NE(group.members[0].id, group.members[1].id);

  const std::set<std::string> ids{group.members[0].id, group.members[1].id};
  second.subscription.reset();
  Member third(bus("b"), group_, topic);
  ASSERT_TRUE(eventually([&] {
    first.poll(), third.poll();
    group = bus().describe_group(group_);
    return group.stable && group.members.size() == 2 && third.owned.size() == 2;
  }));
  for (const auto& member : group.members) EXPECT_EQ(ids.contains(member.id), member.name == "a") << "an id is new at each join";
}

TEST_P(BusContract, LeavingMemberHandsOver) {
  const std::string topic = new_topic();
  send_numbers(topic, 3);
  std::vector<Record> taken;
  Subscription* leaving = nullptr;
  const auto first = std::make_unique<Member>(bus("a"), group_, topic, [&] {
    if (!taken.empty()) done(*leaving, {taken[0]});  // still has an effect
  });
  leaving = first->subscription.get();
  ASSERT_TRUE(eventually([&] {
    for (Record& record : first->poll()) taken.push_back(std::move(record));
    return taken.size() == 3;
  }));
  Member second(bus("b"), group_, topic);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(second.poll(), IsEmpty()) << "there is one partition";
  first->subscription.reset();
  EXPECT_THAT(first->calls, ElementsAre("assigned", "revoked"));
  EXPECT_FALSE(first->lost);
  std::vector<Record> records;
  ASSERT_TRUE(eventually([&] {
    for (Record& record : second.poll()) records.push_back(std::move(record));
    return records.size() >= 2;
  }));
  EXPECT_THAT(values(records), ElementsAre("1", "2"));
  for (const Record& record : records) EXPECT_TRUE(record.inherited);
  EXPECT_THAT(second.calls, ElementsAre("assigned"));
}

TEST_P(BusContract, PollReturnsOneBatch) {
  const std::string topic = new_topic();
  send_numbers(topic, 250);
  const auto member = bus().subscribe(group_, {topic}, {});
  std::size_t count = 0;
  EXPECT_TRUE(eventually([&] {
    const auto records = member->poll(kShortPoll);
    EXPECT_LE(records.size(), 100u);
    count += records.size();
    return count == 250;
  }));
}

TEST_P(BusContract, UnknownGroupDoesNotExist) {
  const auto group = bus().describe_group(group_);
  EXPECT_FALSE(group.exists);
  EXPECT_THAT(group.members, IsEmpty());
}

TEST_P(RecreationContract, RecreatedTopicIsReadFromItsBeginning) {
  const std::string topic = new_topic();
  send_numbers(topic, 3);
  Member member(bus(), group_, topic);
  std::vector<Record> records;
  const auto poll = [&] {
    for (Record& record : member.poll()) records.push_back(std::move(record));
  };
  ASSERT_TRUE(eventually([&] { return poll(), records.size() == 3; }));
  done(*member.subscription, records);
  records.clear();
  const std::string log = bus().log_of(topic);
  backend_->recreate({topic, 1});
  ASSERT_TRUE(eventually([&] { return poll(), bus().log_of(topic) != log; }));
  send_numbers(topic, 2, 10);
  ASSERT_TRUE(eventually([&] { return poll(), records.size() >= 2; }));
  EXPECT_THAT(values(records), ElementsAre("10", "11"));
  EXPECT_THAT(member.calls, ::testing::Contains("vanished"));
}

}  // namespace
}  // namespace p2p::bus::testing
