#include "platform/bus/testing/bus_contract.hpp"

#include <thread>

#include "base/random_id.hpp"
#include "platform/bus/bus_error.hpp"

namespace p2p::bus::testing {
namespace {

constexpr std::chrono::milliseconds kPoll{20};
constexpr std::chrono::seconds kPatience{60};

template <typename Source>
std::vector<Record> read_from(Source& source, std::size_t count) {
  std::vector<Record> all;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto poll = [&] {
    for (Record& record : source.poll(kPoll)) all.push_back(std::move(record));
  };
  while (all.size() < count && std::chrono::steady_clock::now() < deadline) poll();
  poll();
  EXPECT_EQ(all.size(), count);
  return all;
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RecreationContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RetentionContract);

BusContract::BusContract() : group_("contract." + new_id()) {}

void BusContract::ensure(const TopicSpec& topic) {
  bus().ensure_topics({topic});
  ASSERT_TRUE(eventually([&] {
    try {
      return bus().backlog(group_, topic.name).topic_exists;
    } catch (const BusError& error) {
      EXPECT_TRUE(error.may_pass()) << error.what();
      return false;
    }
  }));
}

std::string BusContract::new_topic(int partitions) {
  std::string name = "contract." + new_id();
  ensure({name, partitions});
  return name;
}

void BusContract::send(const std::vector<Outgoing>& messages) {
  const auto producer = bus().producer();
  for (const Outgoing& message : messages) {
    producer->send(message, [](const Producer::Problem& problem) { EXPECT_EQ(problem.text, ""); });
  }
  ASSERT_TRUE(producer->flush(kPatience));
}

void BusContract::send_numbers(const std::string& topic, int count, int first, int partition) {
  std::vector<Outgoing> messages;
  for (int i = first; i < first + count; ++i) {
    messages.push_back({.topic = topic, .partition = partition, .key = "k", .value = std::to_string(i), .headers = {}});
  }
  send(messages);
}

bool BusContract::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

std::vector<Record> BusContract::read(Subscription& member, std::size_t count) { return read_from(member, count); }
std::vector<Record> BusContract::read(LogReader& reader, std::size_t count) { return read_from(reader, count); }

std::vector<Record> BusContract::read_all(const std::string& topic) {
  const auto reader = bus().read_log(topic, {.offsets = {}, .since = Time{}});
  std::vector<Record> all;
  EXPECT_TRUE(eventually([&] {
    for (Record& record : reader->poll(kPoll)) all.push_back(std::move(record));
    return reader->caught_up();
  }));
  return all;
}

std::vector<std::string> BusContract::values(const std::vector<Record>& records) {
  std::vector<std::string> result;
  for (const Record& record : records) result.push_back(record.value.substr(0, 100));  // failures are printed
  return result;
}

}  // namespace p2p::bus::testing
