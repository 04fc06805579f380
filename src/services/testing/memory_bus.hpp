#pragma once

#include <condition_variable>
#include <mutex>
#include <set>

#include "platform/bus/bus.hpp"

namespace p2p::testing {

/// A bus in memory, for tests: topics with partitions, groups that share them, committed offsets. Thread-safe. What Kafka itself does is
/// tested with Kafka.
class MemoryBus : public bus::Bus {
 public:
  std::unique_ptr<bus::Producer> producer() override;
  std::unique_ptr<bus::Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                               bus::Subscription::Events events) override;
  std::unique_ptr<bus::LogReader> read_log(const std::string& topic, const bus::StartAt& start) override;
  void ensure_topics(const std::vector<bus::TopicSpec>& topics) override;
  Group describe_group(const std::string& group) override;
  Backlog backlog(const std::string& group, const std::string& topic) override;
  std::vector<std::string> brokers(std::chrono::milliseconds timeout) override;

  /// Until it is thawed nothing is stored and nothing committed, and nobody is told: what a process does after its death.
  void freeze(bool frozen);
  /// The name that members from now on have.
  void name_members(const std::string& name);

  std::vector<bus::Record> records(const std::string& topic);
  /// Waits until the topic holds `count` records; false after ten seconds.
  bool wait_for(const std::string& topic, std::size_t count);
  std::int64_t committed(const std::string& group, const bus::TopicPartition& place);

 private:
  friend class MemoryProducer;
  friend class MemorySubscription;
  friend class MemoryLogReader;

  struct GroupState {
    std::map<bus::TopicPartition, std::int64_t> committed;
    std::map<bus::TopicPartition, const void*> owners;
    std::map<const void*, std::pair<std::string, std::vector<std::string>>> members;  ///< name and topics
  };

  bool store(const bus::Outgoing& message);
  std::vector<bus::Record>& partition(const bus::TopicPartition& place) {
    return topics_.at(place.topic).at(static_cast<std::size_t>(place.partition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<std::vector<bus::Record>>> topics_;
  std::map<std::string, GroupState> groups_;
  std::string member_name_ = "worker";
  bool frozen_ = false;
};

}  // namespace p2p::testing
