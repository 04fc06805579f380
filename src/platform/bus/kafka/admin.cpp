#include "platform/bus/kafka/admin.hpp"

namespace p2p::bus {

std::map<TopicPartition, std::int64_t> end_offsets(const KafkaConfig& config, rd_kafka_t* client,
                                                   const std::vector<TopicPartition>& partitions, std::chrono::milliseconds timeout) {
  std::map<TopicPartition, std::int64_t> ends;
  if (partitions.empty()) return ends;
  const PartitionList list = list_of(partitions);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_SPEC_LATEST;
  const auto event = admin_call(config, client, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout, [&](auto* options, auto* queue) {
    const Owned<rd_kafka_error_t> refusal(rd_kafka_AdminOptions_set_isolation_level(options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED));
    rd_kafka_ListOffsets(client, list.get(), options, queue);
  });
  std::size_t count = 0;
  const auto* const infos = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const partition = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (partition->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw bus_error(config, partition->topic, partition->err, rd_kafka_err2str(partition->err));
    ends[{partition->topic, partition->partition}] = partition->offset;
  }
  return ends;
}

void visit_topics(const KafkaConfig& config, rd_kafka_t* client, const std::vector<std::string>& topics, std::chrono::milliseconds timeout,
                  const std::function<void(const std::string& name, const rd_kafka_TopicDescription_t* topic)>& visit) {
  if (topics.empty()) return;
  std::vector<const char*> names;
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  const Owned<rd_kafka_TopicCollection_t> wanted(rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
  const auto event = admin_call(config, client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout, [&](auto* options, auto* queue) {
    const Owned<rd_kafka_error_t> refusal(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
    rd_kafka_DescribeTopics(client, wanted.get(), options, queue);
  });
  std::size_t count = 0;
  const auto* const* const results = rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_TopicDescription_name(results[i]);
    if (const auto* const error = rd_kafka_TopicDescription_error(results[i])) {
      const auto code = rd_kafka_error_code(error);
      if (is_missing(code)) continue;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config, name, code, rd_kafka_error_string(error));
    }
    std::size_t partitions = 0;
    rd_kafka_TopicDescription_partitions(results[i], &partitions);
    if (partitions > 0) visit(name, results[i]);
  }
}

std::map<std::string, TopicFound> find_topics(const KafkaConfig& config, rd_kafka_t* client, const std::vector<std::string>& topics,
                                              std::chrono::milliseconds timeout) {
  std::map<std::string, TopicFound> found;
  visit_topics(config, client, topics, timeout, [&](const std::string& name, const rd_kafka_TopicDescription_t* topic) {
    std::size_t partitions = 0;
    rd_kafka_TopicDescription_partitions(topic, &partitions);
    const auto* const id = rd_kafka_TopicDescription_topic_id(topic);
    const auto high = rd_kafka_Uuid_most_significant_bits(id);
    const auto low = rd_kafka_Uuid_least_significant_bits(id);
    found[name] = {static_cast<int>(partitions), high == 0 && low == 0 ? "" : std::to_string(high) + "." + std::to_string(low)};
  });
  return found;
}

}  // namespace p2p::bus
