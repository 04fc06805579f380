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
    // librdkafka requires a group name; nothing is ever committed to it.
    set(conf, "group.id", "prompt2pic.workers");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "fetch.error.backoff.ms", "50");
    set(conf, "enable.partition.eof", "true");
    // Bounds memory: a day of events may not fit, and a topic may have 32 partitions.
    set(conf, "fetch.message.max.bytes", "262144");
    set(conf, "fetch.max.bytes", "1048576");
    set(conf, "queued.max.messages.kbytes", "1024");
    set(conf, "fetch.queue.backoff.ms", "5");  // otherwise it fetches only one queue's worth per second
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
    rd_kafka_poll_set_consumer(client_.get());

    const auto found = find_topics(config, client_.get(), {topic}, kReadTimeout);
    if (found.empty())
      throw bus_error(config, "there is no topic " + topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "it may not have been created yet");
    const auto& [count, log] = found.at(topic);
    logs_->set(topic, log_ = log);
    if (!log.empty() && !start.log.empty() && start.log != log) start = {.offsets = {}, .since = Time{}, .log = log};
    std::vector<TopicPartition> partitions;
    for (int i = 0; i < count; ++i) partitions.push_back({topic, i});
    ends_ = end_offsets(config, client_.get(), partitions, kReadTimeout);

    const PartitionList list = list_of(partitions);
    if (start.since) {
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = to_millis(*start.since);
      const auto code =
          rd_kafka_offsets_for_times(client_.get(), list.get(), static_cast<int>(std::chrono::milliseconds(kReadTimeout).count()));
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw bus_error(config, topic, code, rd_kafka_err2str(code), background_.problem.text());
    }
    for (int i = 0; i < list->cnt; ++i) {
      auto& partition = list->elems[i];
      const TopicPartition name{topic, partition.partition};
      if (!start.since || partition.offset < 0) partition.offset = ends_[name];
      if (const auto known = start.offsets.find(name); known != start.offsets.end()) partition.offset = known->second;
      positions_[name] = partition.offset;
      if (partition.offset == ends_[name]) ends_.erase(name);
    }
    if (const auto code = rd_kafka_assign(client_.get(), list.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw bus_error(config, topic, code, rd_kafka_err2str(code));
    }
  }
  ~KafkaLogReader() override { close_consumer(client_); }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    if (logs_->is_another(topic_, log_)) throw BusError("the topic " + topic_ + " was re-created", true);
    std::vector<Record> records;
    auto wait = static_cast<int>(timeout.count());
    std::size_t bytes = 0;
    while (records.size() < kReadBatch && bytes < kReadBytes) {
      const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), wait));
      if (!message) break;
      wait = 0;
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        // More offsets may follow the last record: transaction markers and deleted records.
        const TopicPartition partition{rd_kafka_topic_name(message->rkt), message->partition};
        positions_[partition] = message->offset;
        ends_.erase(partition);
        continue;
      }
      if (is_missing(message->err)) throw bus_error(config_, topic_, message->err, rd_kafka_err2str(message->err));
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // librdkafka retries by itself
      records.push_back(to_record(*message));
      bytes += message->len;
      const TopicPartition partition = records.back().topic_partition();
      positions_[partition] = message->offset + 1;
      if (const auto end = ends_.find(partition); end != ends_.end() && message->offset + 1 >= end->second) ends_.erase(end);
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
  std::map<TopicPartition, std::int64_t> ends_;  ///< initial end offsets of the partitions that are not yet read up to them
  std::map<TopicPartition, std::int64_t> positions_;
};

}  // namespace

std::unique_ptr<LogReader> kafka_log_reader(const KafkaConfig& config, const std::string& topic, const StartAt& start,
                                            std::shared_ptr<TopicLogs> logs) {
  return std::make_unique<KafkaLogReader>(config, topic, start, std::move(logs));
}

}  // namespace p2p::bus
