#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {

/// Runs one call of librdkafka's admin interface: `start` gets options and the queue for the result event. Throws BusError if no event
/// arrives.
template <typename Start>
Owned<rd_kafka_event_t> admin_call(const KafkaConfig& config, rd_kafka_t* client, rd_kafka_admin_op_t operation,
                                   std::chrono::milliseconds timeout, const Start& start) {
  const Owned<rd_kafka_AdminOptions_t> options(rd_kafka_AdminOptions_new(client, operation));
  std::array<char, 200> why{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), static_cast<int>(timeout.count()), why.data(), why.size());
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
  start(options.get(), queue.get());
  Owned<rd_kafka_event_t> event(rd_kafka_queue_poll(queue.get(), static_cast<int>(timeout.count()) + 500));
  rd_kafka_poll(client, 0);  // runs the error callback, which has more details
  const std::string problem = static_cast<Background*>(rd_kafka_opaque(client))->problem.text();
  if (!event) throw bus_error(config, "no answer", RD_KAFKA_RESP_ERR__TIMED_OUT, "timed out", problem);
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw bus_error(config, "refused", code, rd_kafka_event_error_string(event.get()), code == RD_KAFKA_RESP_ERR__TIMED_OUT ? problem : "");
  }
  return event;
}

/// The end offset of each partition, or the start of an open transaction, beyond which no consumer can read. Throws BusError.
std::map<TopicPartition, std::int64_t> end_offsets(const KafkaConfig& config, rd_kafka_t* client,
                                                   const std::vector<TopicPartition>& partitions, std::chrono::milliseconds timeout);

/// Calls `visit` for each of the topics that exists, with its description. Throws BusError.
void visit_topics(const KafkaConfig& config, rd_kafka_t* client, const std::vector<std::string>& topics, std::chrono::milliseconds timeout,
                  const std::function<void(const std::string& name, const rd_kafka_TopicDescription_t* topic)>& visit);

struct TopicFound {
  int partitions = 0;
  std::string log;  ///< see TopicLogs
};
/// Describes those of the topics that exist. Throws BusError.
std::map<std::string, TopicFound> find_topics(const KafkaConfig& config, rd_kafka_t* client, const std::vector<std::string>& topics,
                                              std::chrono::milliseconds timeout);

}  // namespace p2p::bus
