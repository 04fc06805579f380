#include "platform/bus/kafka/subscription.hpp"

#include <atomic>
#include <mutex>

#include "base/log.hpp"
#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/kafka/client.hpp"
#include "platform/bus/kafka/commit_queue.hpp"

namespace p2p::bus {
namespace {

constexpr std::size_t kBatch = 100;

class KafkaSubscription : public Subscription {
 public:
  KafkaSubscription(const KafkaConfig& config, const std::string& group, const std::vector<std::string>& topics, Events events)
      : config_(config), events_(std::move(events)) {
    background_.owner = this;
    Conf conf = base_conf(config);
    set(conf, "group.id", group);
    set(conf, "partition.assignment.strategy", "cooperative-sticky");
    // A dead worker's requests are another's so soon after. It has to outlast the brokers' finding a new coordinator for the group: members
    // that give up before come back as new ones, and wait until the old ones have expired.
    set(conf, "session.timeout.ms", "9000");
    set(conf, "heartbeat.interval.ms", "1000");
    set(conf, "max.poll.interval.ms", "300000");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "true");  // of what is stored, which done() does
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "auto.commit.interval.ms", "200");
    set(conf, "fetch.error.backoff.ms", "50");
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
    rd_kafka_poll_set_consumer(client_.get());
    std::vector<TopicPartition> wanted;
    for (const std::string& topic : topics) wanted.push_back({topic, RD_KAFKA_PARTITION_UA});
    if (const auto code = rd_kafka_subscribe(client_.get(), list_of(wanted).get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw bus_error(config, "cannot subscribe", code, rd_kafka_err2str(code));
    }
  }

  ~KafkaSubscription() override { close_consumer(client_); }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    std::vector<Record> records;
    auto wait = static_cast<int>(timeout.count());
    while (records.size() < kBatch) {
      const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), wait));
      if (!message) break;
      wait = 0;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        background_.problem.set(rd_kafka_message_errstr(message.get()));
        continue;
      }
      records.push_back(to_record(*message));
      Record& record = records.back();
      const std::scoped_lock lock(mutex_);
      const auto partition = partitions_.find(record.place());
      if (partition == partitions_.end()) {  // taken away between fetch and poll
        records.pop_back();
        continue;
      }
      partition->second.queue.taken(record.offset);
      record.inherited = record.offset < partition->second.inherited_end;
    }
    return records;
  }

  void done(const TopicPartition& place, std::int64_t offset) override {
    const std::scoped_lock lock(mutex_);
    const auto partition = partitions_.find(place);
    if (partition == partitions_.end()) return;
    if (const auto next = partition->second.queue.done(offset)) {
      const PartitionList list = list_of({place});
      list->elems[0].offset = *next;
      rd_kafka_offsets_store(client_.get(), list.get());
    }
  }

  void pause(bool paused) override {
    if (paused == paused_) return;
    paused_ = paused;
    std::vector<TopicPartition> places;
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& [place, partition] : partitions_) places.push_back(place);
    }
    apply_pause(places);
  }

  void commit() override {
    const auto code = rd_kafka_commit(client_.get(), nullptr, 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET) {
      log::warn("offsets were not committed", {{"error", rd_kafka_err2str(code)}});
    }
  }

  std::string problem() const override {
    if (standing_ == Standing::in) return "";
    const std::string text = background_.problem.text();
    if (!text.empty()) return text;
    return standing_ == Standing::out ? "the brokers have not been heard from for some seconds" : "has not been given partitions yet";
  }

 private:
  /// In the group, as far as this member knows.
  enum class Standing { joining, in, out };

  struct Partition {
    CommitQueue queue;
    std::int64_t inherited_end = 0;
  };

  void apply_pause(const std::vector<TopicPartition>& places) {
    if (places.empty()) return;
    const PartitionList list = list_of(places);
    paused_ ? rd_kafka_pause_partitions(client_.get(), list.get()) : rd_kafka_resume_partitions(client_.get(), list.get());
  }

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* opaque) {
    auto& self = *static_cast<KafkaSubscription*>(static_cast<Background*>(opaque)->owner);
    code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? self.assign(list) : self.revoke(list);
  }

  void assign(rd_kafka_topic_partition_list_t* list) {
    const auto places = places_of(list);
    std::map<TopicPartition, std::int64_t> ends;
    try {
      ends = end_offsets(config_, client_.get(), places, std::chrono::seconds(5));
    } catch (const BusError& error) {
      log::warn("the partitions' ends are not known", {{"error", error.what()}});
    }
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& place : places) {
        const auto end = ends.find(place);
        partitions_[place].inherited_end = end == ends.end() ? INT64_MAX : end->second;  // unknown: everything may be
      }
    }
    background_.problem.clear();
    standing_ = Standing::in;
    if (events_.assigned) events_.assigned(places);
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_assign(client_.get(), list));
    if (error) log::error("partitions could not be taken", {{"error", rd_kafka_error_string(error.get())}});
    if (paused_) apply_pause(places);
  }

  void revoke(rd_kafka_topic_partition_list_t* list) {
    const auto places = places_of(list);
    const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
    if (lost) standing_ = Standing::out;
    if (events_.revoked) events_.revoked(places, lost);
    if (!lost) commit();
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& place : places) partitions_.erase(place);
    }
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_unassign(client_.get(), list));
    if (error) log::error("partitions could not be given back", {{"error", rd_kafka_error_string(error.get())}});
  }

  KafkaConfig config_;
  Events events_;
  Background background_;
  std::mutex mutex_;
  std::map<TopicPartition, Partition> partitions_;
  bool paused_ = false;
  std::atomic<Standing> standing_ = Standing::joining;
  Owned<rd_kafka_t> client_;
};

}  // namespace

std::unique_ptr<Subscription> kafka_subscription(const KafkaConfig& config, const std::string& group,
                                                 const std::vector<std::string>& topics, Subscription::Events events) {
  return std::make_unique<KafkaSubscription>(config, group, topics, std::move(events));
}

}  // namespace p2p::bus
