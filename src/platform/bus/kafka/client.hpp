#pragma once

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/bus/bus_error.hpp"
#include "platform/bus/kafka/kafka.hpp"

/// Shared by all librdkafka clients: owners for handles, configuration, the last problem, error messages.
namespace p2p::bus {

struct Deleter {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_NewPartitions_t* partitions) const { rd_kafka_NewPartitions_destroy(partitions); }
  void operator()(rd_kafka_TopicCollection_t* topics) const { rd_kafka_TopicCollection_destroy(topics); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;
using Conf = Owned<rd_kafka_conf_t>;
using PartitionList = Owned<rd_kafka_topic_partition_list_t>;

/// The last problem that librdkafka reported in the background. Thread-safe.
class LastProblem {
 public:
  void set(std::string text);
  std::string text() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// The settings of every client. `opaque` is returned by rd_kafka_opaque(); its first member must be a LastProblem (see Background).
Conf base_conf(const KafkaConfig& config);
/// Throws UsageError with librdkafka's message.
void set(const Conf& conf, const std::string& name, const std::string& value);

/// The state that callbacks get from rd_kafka_opaque().
struct Background {
  LastProblem problem;
  void* owner = nullptr;
};

/// A client with this background; takes ownership of `conf`. Throws UsageError.
Owned<rd_kafka_t> make_client(rd_kafka_type_t type, Conf conf, Background& background);

/// Leaves the group, which calls back once more, and destroys the client. If the brokers do not answer within some seconds, the client is
/// leaked, because the end of the process must not wait for them. There are no callbacks after this returns.
void close_consumer(Owned<rd_kafka_t>& client);

/// librdkafka's message, with advice if it has none.
std::string words_of(rd_kafka_resp_err_t code);

PartitionList list_of(const std::vector<TopicPartition>& partitions);
std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list);

/// "what: reason, at host:port; advice". `problem` is the last problem that the client reported, often the reason for a missing answer.
BusError bus_error(const KafkaConfig& config, const std::string& what, rd_kafka_resp_err_t code, const std::string& reason,
                   const std::string& problem = "");

/// Whether the code means that the topic or partition does not exist.
bool is_missing(rd_kafka_resp_err_t code);

Record to_record(const rd_kafka_message_t& message);

}  // namespace p2p::bus
