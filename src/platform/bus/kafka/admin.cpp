#include "platform/bus/kafka/admin.hpp"

namespace p2p::bus {

std::map<TopicPartition, std::int64_t> end_offsets(const KafkaConfig& config, rd_kafka_t* client, const std::vector<TopicPartition>& places,
                                                   std::chrono::milliseconds timeout) {
  std::map<TopicPartition, std::int64_t> ends;
  if (places.empty()) return ends;
  const PartitionList list = list_of(places);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_SPEC_LATEST;
  const auto event = admin_call(config, client, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout,
                                [&](const auto* options, auto* queue) { rd_kafka_ListOffsets(client, list.get(), options, queue); });
  std::size_t count = 0;
  const auto* const infos = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const place = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (place->err != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config, place->topic, place->err, rd_kafka_err2str(place->err));
    ends[{place->topic, place->partition}] = place->offset;
  }
  return ends;
}

std::optional<int> partition_count(const KafkaConfig& config, rd_kafka_t* client, const std::string& topic,
                                   std::chrono::milliseconds timeout) {
  // The cluster's whole metadata: to ask for a topic by name may create it, where brokers do that.
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = rd_kafka_metadata(client, 1, nullptr, &raw, static_cast<int>(timeout.count()));
  rd_kafka_poll(client, 0);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw bus_error(config, "no answer", code, rd_kafka_err2str(code), static_cast<Background*>(rd_kafka_opaque(client))->problem.text());
  }
  const Owned<const rd_kafka_metadata_t> metadata(raw);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (metadata->topics[i].topic == topic && metadata->topics[i].partition_cnt > 0) return metadata->topics[i].partition_cnt;
  }
  return std::nullopt;
}

}  // namespace p2p::bus
