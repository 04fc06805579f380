#include "platform/bus/kafka/subscription.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/log.hpp"
#include "platform/bus/commit_queue.hpp"
#include "platform/bus/kafka/admin.hpp"
#include "platform/bus/kafka/client.hpp"

namespace p2p::bus {
namespace {

constexpr std::size_t kBatch = 100;

class KafkaSubscription : public Subscription {
 public:
  KafkaSubscription(const KafkaConfig& config, std::string group, std::vector<std::string> topics, Events events,
                    std::shared_ptr<TopicLogs> logs)
      : config_(config), group_(std::move(group)), topics_(std::move(topics)), events_(std::move(events)), logs_(std::move(logs)) {
    background_.owner = this;
    join();
  }

  ~KafkaSubscription() override { close_consumer(client_); }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    if (was_recreated()) rejoin();
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
      const auto partition = partitions_.find(record.topic_partition());
      if (partition == partitions_.end()) {  // revoked between fetch and poll
        records.pop_back();
        continue;
      }
      partition->second.queue.taken(record.offset);
      record.inherited = record.offset < partition->second.inherited_end;
    }
    return records;
  }

  void done(const TopicPartition& partition, std::int64_t offset) override {
    const std::scoped_lock lock(mutex_);
    const auto found = partitions_.find(partition);
    if (found == partitions_.end()) return;
    if (const auto next = found->second.queue.done(offset)) {
      const PartitionList list = list_of({partition});
      list->elems[0].offset = *next;
      rd_kafka_offsets_store(client_.get(), list.get());
    }
  }

  void pause(bool paused) override {
    if (paused == paused_) return;
    paused_ = paused;
    std::vector<TopicPartition> partitions;
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& [partition, state] : partitions_) partitions.push_back(partition);
    }
    apply_pause(partitions);
  }

  void commit() override {
    const auto code = rd_kafka_commit(client_.get(), nullptr, 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET) {
      log::warn("offsets were not committed", {{"error", rd_kafka_err2str(code)}});
    }
  }

  std::string problem() const override {
    if (membership_ == Membership::member) return "";
    const std::string text = background_.problem.text();
    if (!text.empty()) return text;
    return membership_ == Membership::lost ? "no contact with the brokers for some seconds" : "no partitions assigned yet";
  }

 private:
  void join() {
    Conf conf = base_conf(config_);
    set(conf, "group.id", group_);
    set(conf, "partition.assignment.strategy", "cooperative-sticky");
    // How soon the requests of a crashed worker are reassigned. Must be longer than the brokers take to elect a new group coordinator:
    // otherwise members would rejoin as new ones and wait until the old ones have expired.
    set(conf, "session.timeout.ms", "9000");
    set(conf, "heartbeat.interval.ms", "1000");
    set(conf, "max.poll.interval.ms", "300000");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "true");  // commits the offsets that done() stores
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "auto.commit.interval.ms", "200");
    set(conf, "fetch.error.backoff.ms", "50");
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    client_ = make_client(RD_KAFKA_CONSUMER, std::move(conf), background_);
    rd_kafka_poll_set_consumer(client_.get());
    std::vector<TopicPartition> wanted;
    for (const std::string& topic : topics_) wanted.push_back({topic, RD_KAFKA_PARTITION_UA});
    if (const auto code = rd_kafka_subscribe(client_.get(), list_of(wanted).get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw bus_error(config_, "cannot subscribe", code, rd_kafka_err2str(code));
    }
  }

  bool was_recreated() {
    return membership_ == Membership::member &&
           std::ranges::any_of(read_, [&](const auto& item) { return logs_->is_another(item.first, item.second); });
  }

  /// Offsets of a deleted topic are meaningless in a new one of the same name.
  void rejoin() {
    std::vector<TopicPartition> gone;
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& [partition, state] : partitions_) {
        if (logs_->is_another(partition.topic, read_[partition.topic])) gone.push_back(partition);
      }
    }
    notify_vanished(gone);
    close_consumer(client_);
    {
      const std::scoped_lock lock(mutex_);
      partitions_.clear();
    }
    membership_ = Membership::joining;
    join();
  }

  /// Nothing is committed for a deleted topic any more.
  void notify_vanished(const std::vector<TopicPartition>& partitions) {
    if (partitions.empty()) return;
    log::warn("a topic was re-created; reading it from the beginning", {{"topic", partitions.front().topic}});
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& partition : partitions) partitions_.erase(partition);
    }
    if (events_.vanished) events_.vanished(partitions);
  }

  /// Membership in the group, as far as this member knows.
  enum class Membership { joining, member, lost };

  struct Partition {
    CommitQueue queue;
    std::int64_t inherited_end = 0;
  };

  void apply_pause(const std::vector<TopicPartition>& partitions) {
    if (partitions.empty()) return;
    const PartitionList list = list_of(partitions);
    paused_ ? rd_kafka_pause_partitions(client_.get(), list.get()) : rd_kafka_resume_partitions(client_.get(), list.get());
  }

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* opaque) {
    auto& self = *static_cast<KafkaSubscription*>(static_cast<Background*>(opaque)->owner);
    code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? self.assign(list) : self.revoke(list);
  }

  /// Partitions of a re-created topic are read from the beginning, whatever was committed.
  void update_logs(rd_kafka_topic_partition_list_t* list) {
    std::set<std::string> topics;
    for (int i = 0; i < list->cnt; ++i) topics.insert(list->elems[i].topic);
    const auto found = find_topics(config_, client_.get(), {topics.begin(), topics.end()}, std::chrono::seconds(5));
    std::vector<TopicPartition> gone;
    for (const auto& [topic, now] : found) {
      logs_->set(topic, now.log);
      const std::string before = std::exchange(read_[topic], now.log);
      if (before.empty() || before == now.log) continue;
      for (int i = 0; i < list->cnt; ++i) {
        if (list->elems[i].topic != topic) continue;
        list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        gone.push_back({topic, list->elems[i].partition});
      }
    }
    notify_vanished(gone);
  }

  void assign(rd_kafka_topic_partition_list_t* list) {
    const auto partitions = partitions_of(list);
    std::map<TopicPartition, std::int64_t> ends;
    try {
      update_logs(list);
      ends = end_offsets(config_, client_.get(), partitions, std::chrono::seconds(5));
    } catch (const BusError& error) {
      log::warn("the end offsets of partitions are unknown", {{"error", error.what()}});
    }
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& partition : partitions) {
        const auto end = ends.find(partition);
        partitions_[partition].inherited_end = end == ends.end() ? INT64_MAX : end->second;  // unknown: treat everything as inherited
      }
    }
    background_.problem.clear();
    membership_ = Membership::member;
    if (events_.assigned) events_.assigned(partitions);
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_assign(client_.get(), list));
    if (error) log::error("partitions could not be assigned", {{"error", rd_kafka_error_string(error.get())}});
    if (paused_) apply_pause(partitions);
  }

  void revoke(rd_kafka_topic_partition_list_t* list) {
    const auto partitions = partitions_of(list);
    const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
    if (lost) membership_ = Membership::lost;
    if (events_.revoked) events_.revoked(partitions, lost);
    if (!lost) commit();
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& partition : partitions) partitions_.erase(partition);
    }
    const Owned<rd_kafka_error_t> error(rd_kafka_incremental_unassign(client_.get(), list));
    if (error) log::error("partitions could not be released", {{"error", rd_kafka_error_string(error.get())}});
  }

  KafkaConfig config_;
  std::string group_;
  std::vector<std::string> topics_;
  Events events_;
  std::shared_ptr<TopicLogs> logs_;
  std::map<std::string, std::string> read_;  ///< by topic: its log id when it was last assigned to this member
  Background background_;
  std::mutex mutex_;
  std::map<TopicPartition, Partition> partitions_;
  bool paused_ = false;
  std::atomic<Membership> membership_ = Membership::joining;
  Owned<rd_kafka_t> client_;
};

}  // namespace

std::unique_ptr<Subscription> kafka_subscription(const KafkaConfig& config, const std::string& group,
                                                 const std::vector<std::string>& topics, Subscription::Events events,
                                                 std::shared_ptr<TopicLogs> logs) {
  return std::make_unique<KafkaSubscription>(config, group, topics, std::move(events), std::move(logs));
}

}  // namespace p2p::bus
