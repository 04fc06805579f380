#include "platform/bus/kafka/log_reader.hpp"

#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {
namespace {

constexpr std::chrono::seconds kTimeout{10};
constexpr std::size_t kBatch = 500;

class KafkaLogReader : public LogReader {
 public:
  KafkaLogReader(const KafkaConfig& config, const std::string& topic, const StartAt& start) {
    Conf conf = base_conf(config);
    // librdkafka wants a group's name even for reading without one; nothing is ever committed to it.
    set(conf, "group.id", "prompt2pic.workers");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "fetch.error.backoff.ms", "50");
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
    rd_kafka_poll_set_consumer(client_.get());

    const auto count = partition_count(config, client_.get(), topic, kTimeout);
    if (!count)
      throw bus_error(config, "there is no topic " + topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "it may not have been made yet");
    std::vector<TopicPartition> places;
    for (int i = 0; i < *count; ++i) places.push_back({topic, i});
    ends_ = end_offsets(config, client_.get(), places, kTimeout);

    const PartitionList list = list_of(places);
    if (start.since) {
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = to_millis(*start.since);
      const auto code =
          rd_kafka_offsets_for_times(client_.get(), list.get(), static_cast<int>(std::chrono::milliseconds(kTimeout).count()));
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config, topic, code, rd_kafka_err2str(code), background_.problem.text());
    }
    for (int i = 0; i < list->cnt; ++i) {
      auto& place = list->elems[i];
      const TopicPartition name{topic, place.partition};
      if (!start.since || place.offset < 0) place.offset = ends_[name];
      if (const auto known = start.offsets.find(name); known != start.offsets.end()) place.offset = known->second;
      positions_[name] = place.offset;
    }
    if (const auto code = rd_kafka_assign(client_.get(), list.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw bus_error(config, topic, code, rd_kafka_err2str(code));
    }
  }
  ~KafkaLogReader() override { close_consumer(client_); }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    std::vector<Record> records;
    auto wait = static_cast<int>(timeout.count());
    while (records.size() < kBatch) {
      const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), wait));
      if (!message) break;
      wait = 0;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // librdkafka goes on by itself
      records.push_back(to_record(*message));
      positions_[records.back().place()] = message->offset + 1;
    }
    return records;
  }

  std::map<TopicPartition, std::int64_t> positions() const override { return positions_; }

  bool caught_up() const override {
    for (const auto& [place, end] : ends_) {
      if (positions_.at(place) < end) return false;
    }
    return true;
  }

 private:
  Background background_;
  Owned<rd_kafka_t> client_;
  std::map<TopicPartition, std::int64_t> ends_;
  std::map<TopicPartition, std::int64_t> positions_;
};

}  // namespace

std::unique_ptr<LogReader> kafka_log_reader(const KafkaConfig& config, const std::string& topic, const StartAt& start) {
  return std::make_unique<KafkaLogReader>(config, topic, start);
}

}  // namespace p2p::bus
