#include "platform/bus/kafka/topic_states.hpp"

#include <algorithm>
#include <climits>
#include <thread>

#include "platform/bus/kafka/admin.hpp"

namespace p2p::bus {
namespace {

TopicState state_of(const rd_kafka_TopicDescription_t* topic) {
  TopicState state{.replicas = INT_MAX, .in_sync = INT_MAX};
  std::size_t count = 0;
  const auto* const* const partitions = rd_kafka_TopicDescription_partitions(topic, &count);
  state.partitions = static_cast<int>(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t nodes = 0;
    rd_kafka_TopicPartitionInfo_replicas(partitions[i], &nodes);
    state.replicas = std::min(state.replicas, static_cast<int>(nodes));
    rd_kafka_TopicPartitionInfo_isr(partitions[i], &nodes);
    state.in_sync = std::min(state.in_sync, static_cast<int>(nodes));
  }
  const auto* const operations = rd_kafka_TopicDescription_authorized_operations(topic, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_all = operations[i] == RD_KAFKA_ACL_OPERATION_ALL;
    state.readable |= is_all || operations[i] == RD_KAFKA_ACL_OPERATION_READ;
    state.writable |= is_all || operations[i] == RD_KAFKA_ACL_OPERATION_WRITE;
  }
  return state;
}

}  // namespace

std::map<std::string, TopicState> topic_states(const KafkaConfig& config, const std::vector<std::string>& topics,
                                               std::chrono::milliseconds timeout) {
  Background background;
  const auto client = make_client(RD_KAFKA_PRODUCER, base_conf(config), background);
  constexpr std::chrono::milliseconds kPause{300};
  std::map<std::string, TopicState> states;
  const auto visit = [&](const std::string& name, const rd_kafka_TopicDescription_t* topic) { states[name] = state_of(topic); };
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    try {
      visit_topics(config, client.get(), topics, timeout / 4, visit);
      return states;
    } catch (const BusError& error) {
      // A call may go to a broker that is away, and waits for it; the next one may go to another.
      if (!error.may_pass() || std::chrono::steady_clock::now() + kPause > until) throw;
      std::this_thread::sleep_for(kPause);
    }
  }
}

}  // namespace p2p::bus
