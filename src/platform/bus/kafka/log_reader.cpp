#include "platform/bus/kafka/log_reader.hpp"

#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {
namespace {

constexpr std::chrono::seconds kReadTimeout{10};
constexpr std::size_t kReadBatch = 500;
constexpr std::size_t kReadBytes = 1u << 20u;

class KafkaLogReader : public LogReader {
 public:
  KafkaLogReader(const KafkaConfig& config, const std::string& topic, StartAt start, std::shared_ptr<TopicLogs> logs)
      : config_(config), topic_(topic), logs_(std::move(logs)) {
    Conf conf = base_conf(config);
    // librdkafka wants a group's name even for reading without one; nothing is ever committed to it.
    set(conf, "group.id", "prompt2pic.workers");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "fetch.error.backoff.ms", "50");
    set(conf, "enable.partition.eof", "true");
    // A log of a day may be larger than the memory, and a topic may have 32 partitions.
    set(conf, "fetch.message.max.bytes", "262144");
    set(conf, "fetch.max.bytes", "1048576");
    set(conf, "queued.max.messages.kbytes", "1024");
    set(conf, "fetch.queue.backoff.ms", "5");  // else it fetches a full queue's worth each second
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
    rd_kafka_poll_set_consumer(client_.get());

    const auto found = find_topics(config, client_.get(), {topic}, kReadTimeout);
    if (found.empty())
      throw bus_error(config, "there is no topic " + topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "it may not have been made yet");
    const auto& [count, log] = found.at(topic);
    logs_->set(topic, log_ = log);
    if (!log.empty() && !start.log.empty() && start.log != log) start = {.offsets = {}, .since = Time{}, .log = log};
    std::vector<TopicPartition> places;
    for (int i = 0; i < count; ++i) places.push_back({topic, i});
    ends_ = end_offsets(config, client_.get(), places, kReadTimeout);

    const PartitionList list = list_of(places);
    if (start.since) {
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = to_millis(*start.since);
      const auto code =
          rd_kafka_offsets_for_times(client_.get(), list.get(), static_cast<int>(std::chrono::milliseconds(kReadTimeout).count()));
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config, topic, code, rd_kafka_err2str(code), background_.problem.text());
    }
    for (int i = 0; i < list->cnt; ++i) {
      auto& place = list->elems[i];
      const TopicPartition name{topic, place.partition};
      if (!start.since || place.offset < 0) place.offset = ends_[name];
      if (const auto known = start.offsets.find(name); known != start.offsets.end()) place.offset = known->second;
      positions_[name] = place.offset;
      if (place.offset == ends_[name]) ends_.erase(name);
    }
    if (const auto code = rd_kafka_assign(client_.get(), list.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw bus_error(config, topic, code, rd_kafka_err2str(code));
    }
  }
  ~KafkaLogReader() override { close_consumer(client_); }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    if (logs_->is_another(topic_, log_)) throw BusError("the topic " + topic_ + " was made anew", true);
    std::vector<Record> records;
    auto wait = static_cast<int>(timeout.count());
    std::size_t bytes = 0;
    while (records.size() < kReadBatch && bytes < kReadBytes) {
      const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), wait));
      if (!message) break;
      wait = 0;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        // Behind the last record there may be more than one offset: of transactions' markers, and of what was deleted.
        const TopicPartition place{rd_kafka_topic_name(message->rkt), message->partition};
        positions_[place] = message->offset;
        ends_.erase(place);
        continue;
      }
      if (is_missing(message->err)) throw bus_error(config_, topic_, message->err, rd_kafka_err2str(message->err));
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // librdkafka goes on by itself
      records.push_back(to_record(*message));
      bytes += message->len;
      const TopicPartition place = records.back().place();
      positions_[place] = message->offset + 1;
      if (const auto end = ends_.find(place); end != ends_.end() && message->offset + 1 >= end->second) ends_.erase(end);
    }
    return records;
  }

  std::map<TopicPartition, std::int64_t> positions() const override { return positions_; }

  bool caught_up() const override { return ends_.empty(); }
  std::string log() const override { return log_; }

 private:
  KafkaConfig config_;
  std::string topic_;
  std::shared_ptr<TopicLogs> logs_;
  std::string log_;
  Background background_;
  Owned<rd_kafka_t> client_;
  std::map<TopicPartition, std::int64_t> ends_;  ///< as they were at first, of partitions whose end has not been met
  std::map<TopicPartition, std::int64_t> positions_;
};

}  // namespace

std::unique_ptr<LogReader> kafka_log_reader(const KafkaConfig& config, const std::string& topic, const StartAt& start,
                                            std::shared_ptr<TopicLogs> logs) {
  return std::make_unique<KafkaLogReader>(config, topic, start, std::move(logs));
}

}  // namespace p2p::bus
