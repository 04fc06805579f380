#include <atomic>
#include <map>
#include <mutex>

#include "base/log.hpp"
#include "platform/bus/commit_queue.hpp"
#include "platform/bus/embedded/clients.hpp"
#include "platform/bus/embedded/fetch.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr Store::Room kBatch{.records = 100, .bytes = 1u << 20u};
constexpr std::chrono::seconds kCommitTimeout{5};

class EmbeddedSubscription : public Subscription {
 public:
  EmbeddedSubscription(std::shared_ptr<EmbeddedBroker> broker, const std::string& client_id, std::string group,
                       const std::vector<std::string>& topics, Events events)
      : broker_(std::move(broker)),
        group_(std::move(group)),
        events_(std::move(events)),
        listener_(broker_->signals, topics),
        member_(broker_->groups.join(group_, client_id, topics)) {}

  ~EmbeddedSubscription() override {
    std::vector<TopicPartition> all;
    for (const auto& [partition, next] : next_) all.push_back(partition);
    revoke(all);
    broker_->groups.leave(group_, member_);
    commit();
  }

  std::vector<Record> poll(std::chrono::milliseconds timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      rebalance();
      if (auto records = take(); !records.empty()) return records;
      if (!listener_.wait_until(deadline)) return {};
    }
  }

  void done(const TopicPartition& partition, std::int64_t offset) override {
    const std::scoped_lock lock(mutex_);
    const auto found = owned_.find(partition);
    if (found == owned_.end()) return;
    if (const auto next = found->second.queue.done(offset)) {
      broker_->groups.commit(group_, found->second.id, *next);
      broker_->writer.commit(group_, found->second.id, *next);
    }
  }

  void pause(bool paused) override { paused_ = paused; }

  void commit() override {
    if (!broker_->writer.sync(kCommitTimeout)) log::warn("offsets were not committed", {{"error", broker_->store.problem()}});
  }

  std::string problem() const override {
    if (std::string text = broker_->store.problem(); !text.empty()) return text;
    return is_member_ ? "" : "no partitions assigned yet";
  }

 private:
  struct Owned {
    std::int64_t id = 0;  ///< Partition::id
    CommitQueue queue;
    std::int64_t inherited_end = 0;
  };

  void rebalance() {
    revoke(broker_->groups.to_release(group_, member_));
    assign(broker_->groups.claim(group_, member_));
    is_member_ = true;
  }

  void revoke(const std::vector<TopicPartition>& partitions) {
    if (partitions.empty()) return;
    if (events_.revoked) events_.revoked(partitions, false);
    {
      const std::scoped_lock lock(mutex_);
      for (const TopicPartition& partition : partitions) owned_.erase(partition);
    }
    for (const TopicPartition& partition : partitions) next_.erase(partition);
    broker_->groups.release(group_, partitions);
  }

  void assign(const std::vector<TopicPartition>& partitions) {
    if (partitions.empty()) return;
    for (const TopicPartition& name : partitions) {
      const Partition partition = broker_->catalogue.with(
          [&](const Topics& topics) { return topics.at(name.topic).partitions.at(static_cast<std::size_t>(name.partition)); });
      next_[name] = existing(partition, broker_->groups.committed(group_, partition.id).value_or(partition.first));
      const std::scoped_lock lock(mutex_);
      owned_[name] = {.id = partition.id, .queue = {}, .inherited_end = partition.end};
    }
    if (events_.assigned) events_.assigned(partitions);
  }

  std::vector<Record> take() {
    std::vector<Record> records;
    if (paused_) return records;
    try {
      records = fetch(*broker_, next_, kBatch, turn_);
    } catch (const db::DatabaseError& error) {
      log::warn("messages cannot be read; trying again", {{"error", error.what()}});
      return records;
    }
    const std::scoped_lock lock(mutex_);
    for (Record& record : records) {
      Owned& owned = owned_.at(record.topic_partition());
      owned.queue.taken(record.offset);
      record.inherited = record.offset < owned.inherited_end;
    }
    return records;
  }

  std::shared_ptr<EmbeddedBroker> broker_;
  std::string group_;
  Events events_;
  Listener listener_;
  std::string member_;
  Positions next_;
  std::size_t turn_ = 0;
  bool paused_ = false;
  std::atomic<bool> is_member_ = false;
  std::mutex mutex_;
  std::map<TopicPartition, Owned> owned_;
};

}  // namespace

std::unique_ptr<Subscription> make_subscription(std::shared_ptr<EmbeddedBroker> broker, const std::string& client_id,
                                                const std::string& group, const std::vector<std::string>& topics,
                                                Subscription::Events events) {
  return std::make_unique<EmbeddedSubscription>(std::move(broker), client_id, group, topics, std::move(events));
}

}  // namespace p2p::bus::embedded
