#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include "platform/bus/bus.hpp"

namespace p2p::testing {

class MemoryLogReader;

/// A bus in memory, for tests: topics with partitions, groups that share them, committed offsets. Thread-safe. Every call of it ends with
/// or, where it may wait, begins with notify_changed(). What Kafka itself does is tested with Kafka.
class MemoryBus : public bus::Bus {
 public:
  std::unique_ptr<bus::Producer> producer() override;
  std::unique_ptr<bus::Subscription> subscribe(const std::string& group, const std::vector<std::string>& topics,
                                               bus::Subscription::Events events) override;
  std::unique_ptr<bus::LogReader> read_log(const std::string& topic, const bus::StartAt& start) override;
  void ensure_topics(const std::vector<bus::TopicSpec>& topics) override;
  std::string log_of(const std::string& topic) override;
  Group describe_group(const std::string& group) override;
  Backlog backlog(const std::string& group, const std::string& topic) override;
  std::vector<std::string> brokers(std::chrono::milliseconds timeout) override;

  /// Until it is thawed nothing is stored and nothing committed, and nobody is told: what a process does after its death.
  void freeze(bool frozen);
  /// From now on no message for the topic is stored, for that reason.
  void refuse(const std::string& topic, bus::Producer::Problem problem);
  /// Deletes the topic with all that stands in it and makes it again, as after a loss of the brokers' data.
  void make_anew(const std::string& topic);
  void remove(const std::string& topic);
  /// While held, what is stored is not told to those who sent it; a producer tells the rest before its destructor returns.
  void hold_reports(bool held);
  /// From now on read_log() of the topic throws BusError, or no longer does.
  void refuse_reading(const std::string& topic, bool refused);
  /// The name that members from now on have.
  void name_members(const std::string& name);

  std::vector<bus::Record> records(const std::string& topic);
  /// Whether the topic eventually() holds `count` records.
  bool wait_for(const std::string& topic, std::size_t count);
  /// Whether somebody follows the topic with a LogReader, and each who does has polled again after reading its last record.
  bool is_read(const std::string& topic);
  std::int64_t committed(const std::string& group, const bus::TopicPartition& place);

 private:
  friend class MemoryProducer;
  friend class MemorySubscription;
  friend class MemoryLogReader;

  struct GroupMember {
    const void* subscription;
    std::string name;
    std::vector<std::string> topics;
  };
  struct GroupState {
    std::map<bus::TopicPartition, std::int64_t> committed;
    std::map<bus::TopicPartition, const void*> owners;
    std::vector<GroupMember> members;  ///< as they joined: member i of n gets the partitions i, i + n, ...
  };

  bool store(const bus::Outgoing& message);
  bus::Producer::Problem refusal(const std::string& topic);
  std::vector<bus::Record>& partition(const bus::TopicPartition& place) {
    return topics_.at(place.topic).at(static_cast<std::size_t>(place.partition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<std::vector<bus::Record>>> topics_;
  std::map<std::string, bus::Producer::Problem> refusals_;
  std::map<std::string, int> made_;  ///< by topic: how often it was made anew
  std::map<std::string, GroupState> groups_;
  std::set<const MemoryLogReader*> log_readers_;
  std::set<std::string> unreadable_;
  std::string member_name_ = "worker";
  bool frozen_ = false;
  std::atomic<bool> reports_held_ = false;
};

}  // namespace p2p::testing
